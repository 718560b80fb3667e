#include "server/store/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include "migrations/migrations.h"
#include "server/store/backup.h"
#include "server/store/joined_writes.h"

namespace sparsweep {
namespace {

std::string Quoted(const std::string& path) { return "\"" + path + "\""; }

int64_t UserVersion(Database& db) {
  Statement read = db.Prepare("PRAGMA user_version");
  read.Step();
  return read.Int(0);
}

Status CheckVersion(Database& db) {
  const int64_t version = UserVersion(db);
  const auto known = static_cast<int64_t>(Migrations().size());
  if (version > known) {
    return {StatusCode::kFailedPrecondition,
            "the database has schema " + std::to_string(version) +
                ", which is newer than this program knows (" + std::to_string(known) +
                "); use a newer sparsweep"};
  }
  if (version == 0) {
    Statement tables = db.Prepare("SELECT 1 FROM sqlite_schema LIMIT 1");
    if (tables.Step()) {
      return {StatusCode::kFailedPrecondition,
              "the file is a database of another program; choose another --db"};
    }
  }
  return {};
}

// The lock's descriptor. It is kept in the file's name, not in the database, because SQLite's own
// locks are let go between transactions.
Result<int> Lock(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    return Status(StatusCode::kPermissionDenied, "the lock file " + Quoted(lock_path) +
                                                     " cannot be opened: " + strerror(errno));
  }
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    char owner[32] = {};
    const ssize_t size = pread(lock, owner, sizeof(owner) - 1, 0);
    std::string pid(owner, size > 0 ? size : 0);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    close(lock);
    return Status(StatusCode::kFailedPrecondition,
                  "the database " + Quoted(path) + " is in use by another sparsweep (process " +
                      (pid.empty() ? "unknown" : pid) +
                      "); stop it, or talk to it with --server HOST:PORT");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    // Only the message of a second server is poorer for it.
  }
  return lock;
}

std::string BackUp(Database& db, int64_t version) {
  std::string target = db.path() + ".v" + std::to_string(version) + ".backup";
  for (int n = 1; std::filesystem::exists(target); ++n) {
    target = db.path() + ".v" + std::to_string(version) + ".backup" + std::to_string(n);
  }
  CopyPages(db, target);
  return target;
}

// A migration may build a table anew (SQLite cannot drop a constraint), which other tables refer
// to: references are checked afterwards, as a whole.
void Migrate(Database& db, int64_t version) {
  const auto migrations = Migrations();
  if (static_cast<size_t>(version) == migrations.size()) return;
  db.Execute("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON");
  for (size_t n = version; n < migrations.size(); ++n) {
    Transaction transaction(db);
    db.Execute(migrations[n].sql);
    db.Execute(("PRAGMA user_version = " + std::to_string(n + 1)).c_str());
    Statement orphans = db.Prepare("PRAGMA foreign_key_check");
    if (orphans.Step()) {
      throw SqliteError(SQLITE_CORRUPT, "after migration " + std::to_string(n + 1) + " a row of " +
                                            orphans.Text(0) + " refers to nothing");
    }
    transaction.Commit();
  }
  db.Execute("PRAGMA legacy_alter_table = OFF; PRAGMA foreign_keys = ON");
}

}  // namespace

Result<std::unique_ptr<StoreFile>> StoreFile::Open(const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  if (!std::filesystem::is_directory(folder, error)) {
    return Status(StatusCode::kNotFound, "the folder of the database " + Quoted(path) +
                                             " does not exist; create it first");
  }
  Result<int> lock = Lock(path);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<StoreFile> file(new StoreFile);
  file->lock_ = *lock;
  const Status opened = Guard([&]() -> Status {
    file->db_ = std::make_unique<Database>(path, Database::Mode::kReadWrite);
    Database& db = *file->db_;
    if (Status status = CheckVersion(db); !status.ok()) return status;
    db.Execute("PRAGMA journal_mode = WAL");
    db.Execute("PRAGMA synchronous = FULL");
    db.Execute("PRAGMA journal_size_limit = 67108864");
    // 16 MiB: a commit that split a page walks through all of the cache (SQLite lends the new pages a
    // number beyond the file for a moment, and then clears what is beyond it). And no page of a batch
    // in the log before its commit: SQLite would read the log back to put its checksums right.
    db.Execute("PRAGMA cache_size = -16384");
    db.Execute("PRAGMA cache_spill = OFF");
    // Readers without write permission need the log's files to be there after a clean stop.
    int persist = 1;
    sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    const int64_t version = UserVersion(db);
    if (version > 0 && version < static_cast<int64_t>(Migrations().size())) {
      file->backup_ = BackUp(db, version);
    }
    Migrate(db, version);
    JoinLogWrites(db);
    file->log_ = std::make_unique<WriteAheadLog>(db);
    return {};
  });
  if (!opened.ok()) return Status(opened.code(), Quoted(path) + ": " + opened.message());
  return file;
}

StoreFile::~StoreFile() {
  log_.reset();
  db_.reset();
  if (lock_ >= 0) close(lock_);
}

void StoreFile::Checkpoint() {
  log_.reset();
  sqlite3_wal_checkpoint_v2(db_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

Result<std::unique_ptr<Database>> OpenForReading(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    return Status(StatusCode::kNotFound,
                  "there is no database " + Quoted(path) + "; name it with --db FILE");
  }
  std::unique_ptr<Database> db;
  const Status opened = Guard([&]() -> Status {
    db = std::make_unique<Database>(path, Database::Mode::kReadOnly);
    db->Execute("PRAGMA query_only = ON");
    if (Status status = CheckVersion(*db); !status.ok()) return status;
    const int64_t version = UserVersion(*db);
    if (version < static_cast<int64_t>(Migrations().size())) {
      return {StatusCode::kFailedPrecondition,
              "the database has the older schema " + std::to_string(version) +
                  "; start `sparsweep server` on it once to migrate it"};
    }
    return {};
  });
  if (!opened.ok()) return Status(opened.code(), Quoted(path) + ": " + opened.message());
  return db;
}

int64_t FreeBytes(const std::string& path) {
  struct statvfs stats {};
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  if (statvfs(folder.c_str(), &stats) != 0) return std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(stats.f_bavail) * static_cast<int64_t>(stats.f_frsize);
}

}  // namespace sparsweep
