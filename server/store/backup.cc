#include "server/store/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <vector>

#include "server/store/blobs.h"
#include "server/store/file.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

Status Failed(const std::string& path, const std::string& why) {
  const StatusCode code =
      errno == ENOSPC ? StatusCode::kResourceExhausted : StatusCode::kUnavailable;
  return {code, "the backup \"" + path + "\" " + why + ": " + std::strerror(errno)};
}

// A file's bytes, or a folder's names, are on disk afterwards.
Status Sync(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  const Status status = synced ? Status() : Failed(path, "cannot be written to disk");
  if (file >= 0) close(file);
  return status;
}

std::string FolderOf(const std::string& path) {
  return fs::absolute(path).parent_path().string();
}

Status CheckCopy(Database& copy) {
  for (const char* sql : {"PRAGMA integrity_check(1)", "PRAGMA foreign_key_check"}) {
    Statement check = copy.Prepare(sql);
    while (check.Step()) {
      if (check.Text(0) == "ok") continue;
      return {StatusCode::kDataLoss, "the copy is damaged (" + check.Text(0) +
                                         "); check the database with \"sparsweep verify\""};
    }
  }
  return {};
}

// A second name of the file where the file system can, else a copy of its bytes.
Status CopyFile(const fs::path& source, const fs::path& target) {
  std::error_code error;
  if (fs::exists(target, error)) return {};
  fs::create_hard_link(source, target, error);
  if (!error) return {};
  error.clear();
  if (fs::copy_file(source, target, error)) return Sync(target.string());
  errno = error.value();
  return Failed(target.string(), "cannot be made from " + source.string());
}

bool Has(Database& db, const std::string& sha256) {
  Statement read = db.Prepare("SELECT 1 FROM blob WHERE sha256 = ?1");
  read.Bind(sha256);
  return read.Step();
}

void Forget(const std::string& path, const std::vector<std::string>& blobs) {
  Database copy(path, Database::Mode::kReadWrite);
  Transaction transaction(copy);
  for (const std::string& blob : blobs) {
    for (const char* sql : {"UPDATE attempt SET log_blob = NULL WHERE log_blob = ?1",
                            "DELETE FROM blob WHERE sha256 = ?1"}) {
      copy.Prepare(sql).Bind(blob).Run();
    }
  }
  transaction.Commit();
}

}  // namespace

void CopyPages(Database& from, const std::string& target) {
  Database to(target, Database::Mode::kReadWrite);
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup != nullptr) {
    sqlite3_backup_step(backup, -1);  // all at once: a later writer does not make it start again
    sqlite3_backup_finish(backup);
  }
  if (const int code = sqlite3_errcode(to.handle()); code != SQLITE_OK) {
    throw SqliteError(code, sqlite3_errmsg(to.handle()));
  }
  to.Execute("PRAGMA journal_mode = DELETE");
}

// Blobs were in place before their rows were, and go after them.
Result<int64_t> CopyBlobs(const std::string& path, const std::string& copy,
                          const std::string& folder) {
  const std::string from = path + ".blobs";
  std::vector<std::string> blobs, gone;
  {
    Database db(copy, Database::Mode::kReadOnly);
    Statement read = db.Prepare("SELECT sha256 FROM blob WHERE bytes IS NULL");
    while (read.Step()) blobs.push_back(read.Text(0));
  }
  Database live(path, Database::Mode::kReadOnly);
  std::set<std::string> folders;
  for (const std::string& blob : blobs) {
    const fs::path source = BlobPath(from, blob), target = BlobPath(folder, blob);
    std::error_code error;
    if (fs::create_directories(target.parent_path(), error)) folders.insert(target.parent_path());
    Status status = CopyFile(source, target);
    if (!status.ok() && !fs::exists(source, error)) {
      if (!Has(live, blob)) {
        gone.push_back(blob);
        continue;
      }
      status = CopyFile(source, target);  // brought again in between
    }
    if (!status.ok()) return status;
  }
  if (!gone.empty()) Forget(copy, gone);
  if (!blobs.empty()) folders.insert(folder);
  for (const std::string& one : folders) {
    if (Status status = Sync(one); !status.ok()) return status;
  }
  return static_cast<int64_t>(blobs.size() - gone.size());
}

Result<Backup> BackUp(const std::string& path, const std::string& target) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error))) {
    return Status(StatusCode::kAlreadyExists,
                  "\"" + target + "\" exists; a backup is written to a new file");
  }
  if (!fs::is_directory(FolderOf(target), error)) {
    return Status(StatusCode::kNotFound,
                  "the folder of \"" + target + "\" does not exist; create it first");
  }
  // Judged with its schema as any reader judges it.
  if (const auto known = OpenForReading(path); !known.ok()) return known.status();
  const std::string part = target + ".part";
  fs::remove(part, error);
  Backup backup;
  Status status = Guard([&]() -> Status {
    {
      Database db(path, Database::Mode::kReadOnly);
      CopyPages(db, part);
    }
    const Result<int64_t> blobs = CopyBlobs(path, part, target + ".blobs");
    if (!blobs.ok()) return blobs.status();
    backup.blobs = *blobs;
    Database copy(part, Database::Mode::kReadOnly);
    return CheckCopy(copy);
  });
  if (status.ok()) status = Sync(part);
  if (status.ok()) {
    backup.size = static_cast<int64_t>(fs::file_size(part, error));
    // A second name is refused where the first is taken, which renaming would overwrite.
    if (link(part.c_str(), target.c_str()) != 0) status = Failed(target, "cannot be named");
  }
  fs::remove(part, error);
  if (status.ok()) status = Sync(FolderOf(target));
  if (!status.ok()) return status;
  return backup;
}

}  // namespace sparsweep
