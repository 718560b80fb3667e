// A result database as a file: who may write it, which schema it has, how it is opened.
//
// Not here: what is in the tables. A StoreFile belongs to the loop thread once the server runs.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "server/store/sqlite.h"
#include "server/store/write_ahead_log.h"

namespace sparsweep {

// The writing connection, and the lock that makes it the only one: FILE.lock is held by flock for
// as long as this lives, so it vanishes with the process however that ends.
class StoreFile {
 public:
  // Creates the file where there is none. An older schema is backed up beside the file and
  // migrated; a newer one, another program's file and a file in use are refused in a sentence.
  static Result<std::unique_ptr<StoreFile>> Open(const std::string& path);
  ~StoreFile();

  Database& db() { return *db_; }
  WriteAheadLog& log() { return *log_; }
  // The last thing: puts the write-ahead log into the file, so that what is copied by hand is whole.
  void Checkpoint();
  // Where the older file was copied before a migration; empty if there was none.
  const std::string& backup() const { return backup_; }

 private:
  StoreFile() = default;

  int lock_ = -1;
  std::unique_ptr<Database> db_;
  std::unique_ptr<WriteAheadLog> log_;
  std::string backup_;
};

// A connection that can only read, for as long as it lives. Refuses another schema than this
// program's: an older one is migrated by the next server that opens the file.
Result<std::unique_ptr<Database>> OpenForReading(const std::string& path);

// Free bytes of the file system that holds `path`.
int64_t FreeBytes(const std::string& path);

}  // namespace sparsweep
