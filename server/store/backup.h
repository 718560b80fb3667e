// A copy of a result database as it is at one instant, taken while a server writes or while none
// does. Any thread; opens its own connection.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace sparsweep {

struct Backup {
  int64_t size = 0;   // bytes of the copy
  int64_t blobs = 0;  // files of FILE.blobs that it refers to, copied beside it
};

// `target` must not exist; it has its name only when it is whole, checked and on disk. Blobs go to
// TARGET.blobs/: as second names of the same files where the file system can.
Result<Backup> BackUp(const std::string& path, const std::string& target);

}  // namespace sparsweep
