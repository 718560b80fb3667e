// A copy of a result database as it is at one instant, taken while a server writes or while none
// does. Any thread; opens its own connection.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "server/store/sqlite.h"

namespace sparsweep {

// The pages of `from` as they are at one instant, as one new file without a write-ahead log. Not
// synced. May throw SqliteError. (VACUUM INTO would also shrink the file, but cannot copy tables
// with generated columns that refer to others in SQLite 3.40.)
void CopyPages(Database& from, const std::string& target);

// The files of the blobs that the copy at `copy` of the database at `path` refers to, into
// `folder`; gives how many. A log that was deleted with its last trial since the copy was made is
// not in the copy either, afterwards.
Result<int64_t> CopyBlobs(const std::string& path, const std::string& copy,
                          const std::string& folder);

struct Backup {
  int64_t size = 0;   // bytes of the copy
  int64_t blobs = 0;  // files of FILE.blobs that it refers to, copied beside it
};

// `target` must not exist; it has its name only when it is whole, checked and on disk. Blobs go to
// TARGET.blobs/: as second names of the same files where the file system can.
Result<Backup> BackUp(const std::string& path, const std::string& target);

}  // namespace sparsweep
