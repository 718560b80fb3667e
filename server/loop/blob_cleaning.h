// At a start of the server: blobs that nothing names go (server/store/unnamed_blobs.h).
//
// Looked for on a reader, removed by the loop. Both must outlive what they still do of it.
#pragma once

#include <cstdint>

#include "server/loop/loop.h"
#include "server/store/reader_pool.h"

namespace sparsweep {

void RemoveUnnamedBlobs(ReaderPool& readers, Loop& loop, int64_t now_ms);

}  // namespace sparsweep
