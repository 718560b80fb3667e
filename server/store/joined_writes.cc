#include "server/store/joined_writes.h"

#include <cstddef>
#include <string>
#include <utility>

namespace sparsweep {
namespace {

constexpr size_t kMost = 64 << 10;  // SQLite's own limit is 128 KiB less one byte

// Stands in the log's file for SQLite's own methods, which do the work.
struct Joined {
  sqlite3_io_methods methods;  // first: a file's methods are how it is found
  const sqlite3_io_methods* real = nullptr;
  std::string bytes = {};  // not yet written, from `at` on
  sqlite3_int64 at = 0;
};

Joined& Of(sqlite3_file* file) {
  return *reinterpret_cast<Joined*>(const_cast<sqlite3_io_methods*>(file->pMethods));
}

// SQLite's own methods may find their way by the file's methods as we do.
template <auto Method, typename... Arguments>
int CallReal(sqlite3_file* file, Arguments... arguments) {
  Joined& joined = Of(file);
  file->pMethods = joined.real;
  const int code = (joined.real->*Method)(file, arguments...);
  file->pMethods = &joined.methods;
  return code;
}

// What cannot be written is dropped: its commit fails, and the frames are nobody's.
int Flush(sqlite3_file* file) {
  const std::string bytes = std::exchange(Of(file).bytes, {});
  if (bytes.empty()) return SQLITE_OK;
  return CallReal<&sqlite3_io_methods::xWrite>(file, bytes.data(), static_cast<int>(bytes.size()),
                                               Of(file).at);
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  Joined& joined = Of(file);
  const auto end = joined.at + static_cast<sqlite3_int64>(joined.bytes.size());
  const bool fits = joined.bytes.size() + static_cast<size_t>(size) <= kMost;
  if (!joined.bytes.empty() && (at != end || !fits)) {
    if (const int code = Flush(file); code != SQLITE_OK) return code;
  }
  if (joined.bytes.empty()) joined.at = at;
  joined.bytes.append(static_cast<const char*>(bytes), static_cast<size_t>(size));
  return SQLITE_OK;
}

// Any other of the file's methods, once what it should see is in the file.
template <auto Method, typename... Arguments>
int Flushed(sqlite3_file* file, Arguments... arguments) {
  if (const int code = Flush(file); code != SQLITE_OK) return code;
  return CallReal<Method>(file, arguments...);
}

// Uncommitted frames go with the connection.
int Close(sqlite3_file* file) {
  Joined* joined = &Of(file);
  file->pMethods = joined->real;
  delete joined;
  return file->pMethods->xClose(file);
}

}  // namespace

void JoinLogWrites(Database& db) {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) {
    throw SqliteError(SQLITE_MISUSE, "the database has no write-ahead log");
  }
  auto* joined = new Joined{*log->pMethods};
  joined->real = std::exchange(log->pMethods, &joined->methods);
  using Methods = sqlite3_io_methods;
  joined->methods.xClose = Close;
  joined->methods.xWrite = Write;
  joined->methods.xRead = Flushed<&Methods::xRead>;
  joined->methods.xTruncate = Flushed<&Methods::xTruncate>;
  joined->methods.xSync = Flushed<&Methods::xSync>;
  joined->methods.xFileSize = Flushed<&Methods::xFileSize>;
  joined->methods.xFileControl = Flushed<&Methods::xFileControl>;
}

}  // namespace sparsweep
