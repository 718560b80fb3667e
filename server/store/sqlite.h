// SQLite as three small RAII types. Not here: any table of ours.
//
// Inside server/store a failing call throws SqliteError, so that a transaction reads as a list of
// statements; the folder's public functions turn it into a Status (Guard) and nothing else sees it.
// Each connection and its statements belong to one thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "core/result.h"

namespace sparsweep {

class SqliteError : public std::exception {
 public:
  SqliteError(int code, std::string message) : code_(code), message_(std::move(message)) {}
  int code() const { return code_; }  // extended
  const char* what() const noexcept override { return message_.c_str(); }
  // Full disks and busy files are the world's fault and pass; the rest is a bug or damage.
  Status ToStatus() const;

 private:
  int code_;
  std::string message_;
};

// The outcome of `body`, with a SqliteError as its Status: a Status where `body` gives one or
// nothing, else a Result.
template <typename Body>
auto Guard(Body body) {
  using T = decltype(body());
  constexpr bool kNothing = std::is_void_v<T>;
  using Outcome =
      typename std::conditional_t<kNothing || std::is_same_v<T, Status>, std::type_identity<Status>,
                                  std::type_identity<Result<T>>>::type;
  try {
    if constexpr (kNothing) {
      body();
      return Status();
    } else {
      return Outcome(body());
    }
  } catch (const SqliteError& error) {
    return Outcome(error.ToStatus());
  }
}

// A prepared statement while it is used; resets itself, so that the cached one can be used again.
class Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* handle) : db_(db), handle_(handle) {}
  Statement(Statement&& other) noexcept : db_(other.db_), handle_(other.handle_) {
    other.handle_ = nullptr;
  }
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Binds ?1, ?2, ... in order. Text must outlive the statement's use.
  template <typename... Values>
  Statement& Bind(const Values&... values) {
    int index = 0;
    (BindAt(++index, values), ...);
    return *this;
  }
  void BindAt(int index, std::nullptr_t);
  void BindAt(int index, std::string_view value);
  void BindAt(int index, const std::string& value) { BindAt(index, std::string_view(value)); }
  void BindAt(int index, const char* value) { BindAt(index, std::string_view(value)); }
  void BindAt(int index, double value);
  void BindBlob(int index, std::string_view value);
  template <typename Int>
    requires std::is_integral_v<Int>
  void BindAt(int index, Int value) {
    BindInt(index, static_cast<int64_t>(value));
  }
  template <typename T>
  void BindAt(int index, const std::optional<T>& value) {
    if (value) {
      BindAt(index, *value);
    } else {
      BindAt(index, nullptr);
    }
  }

  bool Step();  // true: there is a row
  void Run();   // for statements without rows

  bool IsNull(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  int64_t Int(int column) const { return sqlite3_column_int64(handle_, column); }
  double Double(int column) const { return sqlite3_column_double(handle_, column); }
  std::string Text(int column) const;
  std::optional<int64_t> MaybeInt(int column) const;
  std::optional<double> MaybeDouble(int column) const;
  sqlite3_stmt* handle() const { return handle_; }

 private:
  void BindInt(int index, int64_t value);
  void Check(int code);

  sqlite3* db_;
  sqlite3_stmt* handle_;
};

class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  // Throws SqliteError. A read-write file is created where there is none.
  Database(const std::string& path, Mode mode);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Prepared once per text and kept; use one at a time.
  Statement Prepare(std::string_view sql);
  void Execute(const char* sql);  // any number of statements, without rows
  int64_t LastInsertId() const { return sqlite3_last_insert_rowid(handle_.get()); }
  int64_t Changes() const { return sqlite3_changes64(handle_.get()); }
  bool InTransaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  sqlite3* handle() const { return handle_.get(); }
  const std::string& path() const { return path_; }

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct CloseStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> handle_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, CloseStatement>, TextHash,
                     std::equal_to<>>
      statements_;
};

// Rolls back unless committed.
class Transaction {
 public:
  enum class Kind { kWrite, kRead };
  explicit Transaction(Database& db, Kind kind = Kind::kWrite);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void Commit();

 private:
  Database& db_;
  bool open_ = true;
};

}  // namespace sparsweep
