// Read-only SQL of strangers: one SELECT, within a deadline, a number of rows and of bytes.
//
// Values come out as JSON-like values; not here: pages of a response (server/api).
#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"
#include "server/store/sqlite.h"
#include "server/store/write_ahead_log.h"

namespace sparsweep {

// Whole numbers beyond 2^53 - 1 come as text, blobs as lower-case hex.
using SqlValue = std::variant<std::monostate, bool, double, std::string>;

struct UserQuery {
  std::string sql;
  std::vector<SqlValue> parameters;
  int64_t skip = 0;  // rows of earlier pages
  int64_t max_rows = 1000;
  int64_t max_bytes = 2 << 20;
  std::chrono::milliseconds time_limit{5000};
  // It ends, kAborted, when the write-ahead log grows beyond this while it runs, because what it
  // reads keeps the log from starting over. With `log` (of the writer, in this process) it begins
  // only when that is short; else the size of the file has to do.
  int64_t max_log_bytes = 32 << 20;
  WriteAheadLog* log = nullptr;
};
struct UserRows {
  std::vector<std::string> columns;
  std::vector<std::vector<SqlValue>> rows;
  bool more = false;  // a next page starts at skip + rows.size()
};

// Takes everything but reading from the connection, for good.
void RestrictToReading(Database& db);

// `db` is a connection that was restricted.
Result<UserRows> RunUserQuery(Database& db, const UserQuery& query);

}  // namespace sparsweep
