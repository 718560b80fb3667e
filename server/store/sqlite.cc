#include "server/store/sqlite.h"

namespace sparsweep {
namespace {

[[noreturn]] void Throw(sqlite3* db, int code) {
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  throw SqliteError(extended != SQLITE_OK ? extended : code,
                    db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

}  // namespace

Status SqliteError::ToStatus() const {
  switch (code_ & 0xff) {
    case SQLITE_FULL:
      return {StatusCode::kResourceExhausted,
              "the disk of the database is full (" + message_ + "); free some space"};
    case SQLITE_IOERR:
      return {StatusCode::kUnavailable,
              "the database cannot be read or written (" + message_ + "); check its disk"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StatusCode::kUnavailable,
              "another process holds the database locked; close its transaction"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {StatusCode::kDataLoss, "the database file is damaged or not a database (" +
                                         message_ + "); restore a backup"};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {StatusCode::kPermissionDenied,
              "the database cannot be opened for this (" + message_ +
                  "); check the path and its permissions"};
    default:
      return {StatusCode::kInternal, "the database refused a statement: " + message_};
  }
}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

void Statement::Check(int code) {
  if (code != SQLITE_OK) Throw(db_, code);
}
void Statement::BindAt(int index, std::nullptr_t) { Check(sqlite3_bind_null(handle_, index)); }
void Statement::BindAt(int index, std::string_view value) {
  // An empty view may have no address, which would bind NULL.
  Check(sqlite3_bind_text64(handle_, index, value.empty() ? "" : value.data(), value.size(),
                            SQLITE_STATIC, SQLITE_UTF8));
}
void Statement::BindAt(int index, double value) {
  Check(sqlite3_bind_double(handle_, index, value));
}
void Statement::BindBlob(int index, std::string_view value) {
  Check(sqlite3_bind_blob64(handle_, index, value.empty() ? "" : value.data(), value.size(),
                            SQLITE_STATIC));
}
void Statement::BindInt(int index, int64_t value) {
  Check(sqlite3_bind_int64(handle_, index, value));
}

bool Statement::Step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Throw(db_, code);
  return false;
}

void Statement::Run() {
  while (Step()) {
  }
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_blob(handle_, column));
  return text == nullptr ? std::string()
                         : std::string(text, sqlite3_column_bytes(handle_, column));
}
std::optional<int64_t> Statement::MaybeInt(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Int(column);
}
std::optional<double> Statement::MaybeDouble(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Double(column);
}

Database::Database(const std::string& path, Mode mode) : path_(path) {
  // Before SQLite's first use in the process: a lock around each of its allocations, for statistics
  // that nobody reads.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const int flags = SQLITE_OPEN_NOMUTEX | (mode == Mode::kReadOnly
                                               ? SQLITE_OPEN_READONLY
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) Throw(handle, code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 5000);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  Execute("PRAGMA foreign_keys = ON");
}

Statement Database::Prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) Throw(handle_.get(), code);
    found = statements_.emplace(std::string(sql), statement).first;
  }
  return {handle_.get(), found->second.get()};
}

void Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Throw(handle_.get(), code);
}

Transaction::Transaction(Database& db, Kind kind) : db_(db) {
  db.Execute(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}
Transaction::~Transaction() {
  // A failed statement may have rolled back by itself.
  if (open_ && db_.InTransaction()) {
    sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}
void Transaction::Commit() {
  db_.Execute("COMMIT");
  open_ = false;
}

}  // namespace sparsweep
