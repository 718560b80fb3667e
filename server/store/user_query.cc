#include "server/store/user_query.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sparsweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMaxExact = (int64_t{1} << 53) - 1;
constexpr int kStepsBetweenChecks = 10'000;

int Authorize(void*, int action, const char*, const char* name, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      return name != nullptr && std::strcmp(name, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

// When a query has to end: at its deadline, or when the write-ahead log has grown large behind it. What
// it reads cannot be written back before it ends, so the log would go on growing with every commit.
struct Limits {
  Clock::time_point deadline;
  const WriteAheadLog* log;  // or, where the writer is another process,
  std::string log_file;
  int64_t most_log;  // bytes
  bool log_full = false;

  bool Exceeded() {
    if (Clock::now() > deadline) return true;
    log_full = LogBytes() > most_log;
    return log_full;
  }
  int64_t LogBytes() const {
    if (log != nullptr) return log->bytes();
    struct stat info {};
    return stat(log_file.c_str(), &info) == 0 ? info.st_size : 0;
  }
};

int Exceeded(void* limits) { return static_cast<Limits*>(limits)->Exceeded() ? 1 : 0; }

// Clears the limits of the connection, which point into a stack frame.
struct LimitsGuard {
  sqlite3* db;
  ~LimitsGuard() { sqlite3_progress_handler(db, 0, nullptr, nullptr); }
};
struct FinalizeGuard {
  sqlite3_stmt* statement;
  ~FinalizeGuard() { sqlite3_finalize(statement); }
};

bool OnlySpace(const char* tail) {
  // A semicolon and comments may follow; sqlite3_prepare says so by giving no statement for them.
  return tail == nullptr || *tail == '\0';
}

Status TooMuchIsWritten() {
  return {StatusCode::kAborted,
          "so much was written during the query that it had to end; send it again, or narrow it"};
}

Status Refusal(sqlite3* db, int code, const UserQuery& query, const Limits& limits) {
  switch (code & 0xff) {
    case SQLITE_INTERRUPT:
      if (limits.log_full) {
        return TooMuchIsWritten();
      }
      return {StatusCode::kDeadlineExceeded,
              "the query took longer than " + std::to_string(query.time_limit.count()) +
                  " ms; narrow it, or open the file with sqlite3"};
    case SQLITE_AUTH:
      return InvalidField("sql", "only SELECT on this database is allowed here (" +
                                     std::string(sqlite3_errmsg(db)) + ")");
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return InvalidField("sql", std::string("SQL: ") + sqlite3_errmsg(db));
    default:
      return SqliteError(code, sqlite3_errmsg(db)).ToStatus();
  }
}

void Bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    sqlite3_bind_int(statement, index, *flag ? 1 : 0);
  } else if (const auto* number = std::get_if<double>(&value)) {
    if (std::trunc(*number) == *number && std::abs(*number) <= kMaxExact) {
      sqlite3_bind_int64(statement, index, static_cast<int64_t>(*number));
    } else {
      sqlite3_bind_double(statement, index, *number);
    }
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
  } else {
    sqlite3_bind_null(statement, index);
  }
}

SqlValue ColumnValue(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: {
      const int64_t value = sqlite3_column_int64(statement, column);
      if (value > kMaxExact || value < -kMaxExact) return std::to_string(value);
      return static_cast<double>(value);
    }
    case SQLITE_FLOAT: {
      const double value = sqlite3_column_double(statement, column);
      if (std::isfinite(value)) return value;
      return std::string(value > 0 ? "Infinity" : "-Infinity");
    }
    case SQLITE_NULL:
      return std::monostate();
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const uint8_t*>(sqlite3_column_blob(statement, column));
      const int size = sqlite3_column_bytes(statement, column);
      static constexpr char kDigits[] = "0123456789abcdef";
      std::string hex;
      for (int i = 0; i < size; ++i) {
        hex.push_back(kDigits[bytes[i] >> 4]);
        hex.push_back(kDigits[bytes[i] & 15]);
      }
      return hex;
    }
    default:
      return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)),
                         sqlite3_column_bytes(statement, column));
  }
}

int64_t SizeOf(const SqlValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return 12 + (text != nullptr ? static_cast<int64_t>(text->size()) : 0);
}

}  // namespace

void RestrictToReading(Database& db) {
  sqlite3_set_authorizer(db.handle(), Authorize, nullptr);
  sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, 8 << 20);
  sqlite3_limit(db.handle(), SQLITE_LIMIT_SQL_LENGTH, 256 << 10);
}

Result<UserRows> RunUserQuery(Database& db, const UserQuery& query) {
  Limits limits{Clock::now() + query.time_limit, query.log, db.path() + "-wal",
                query.max_log_bytes};
  if (query.log != nullptr) {
    if (!query.log->WaitUntilShort(query.time_limit)) return TooMuchIsWritten();
  } else {
    limits.most_log = std::max(limits.most_log, limits.LogBytes());
  }
  sqlite3_progress_handler(db.handle(), kStepsBetweenChecks, Exceeded, &limits);
  const LimitsGuard clear{db.handle()};

  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  int code = sqlite3_prepare_v2(db.handle(), query.sql.c_str(), -1, &statement, &tail);
  const FinalizeGuard finalize{statement};
  if (code != SQLITE_OK) return Refusal(db.handle(), code, query, limits);
  if (statement == nullptr) return InvalidField("sql", "the query is empty; write a SELECT");
  while (!OnlySpace(tail)) {
    sqlite3_stmt* next = nullptr;
    code = sqlite3_prepare_v2(db.handle(), tail, -1, &next, &tail);
    const FinalizeGuard finalize_next{next};
    if (code != SQLITE_OK) return Refusal(db.handle(), code, query, limits);
    if (next != nullptr) return InvalidField("sql", "there is more than one statement; send one");
  }
  const int wanted = sqlite3_bind_parameter_count(statement);
  if (wanted != static_cast<int>(query.parameters.size())) {
    return InvalidField("parameters", "the query has " + std::to_string(wanted) +
                                          " parameters, but " +
                                          std::to_string(query.parameters.size()) + " were sent");
  }
  for (int i = 0; i < wanted; ++i) Bind(statement, i + 1, query.parameters[i]);

  UserRows result;
  const int width = sqlite3_column_count(statement);
  for (int i = 0; i < width; ++i) result.columns.push_back(sqlite3_column_name(statement, i));
  int64_t bytes = 0;
  for (int64_t row = 0; (code = sqlite3_step(statement)) == SQLITE_ROW; ++row) {
    if (row < query.skip) continue;
    if (static_cast<int64_t>(result.rows.size()) >= query.max_rows) {
      result.more = true;
      return result;
    }
    std::vector<SqlValue> values;
    int64_t size = 0;
    for (int i = 0; i < width; ++i) {
      values.push_back(ColumnValue(statement, i));
      size += SizeOf(values.back());
    }
    if (size > query.max_bytes) {
      return Status(StatusCode::kResourceExhausted,
                    "row " + std::to_string(row + 1) + " of the answer has " +
                        std::to_string(size) + " bytes, more than the " +
                        std::to_string(query.max_bytes) + " of a page; select fewer columns");
    }
    if (bytes + size > query.max_bytes) {
      result.more = true;
      return result;
    }
    bytes += size;
    result.rows.push_back(std::move(values));
  }
  if (code != SQLITE_DONE) return Refusal(db.handle(), code, query, limits);
  return result;
}

}  // namespace sparsweep
