// The digest of a sweep that has ended (server/store/result_digest.h), put beside it.
//
// Computed on a reader, stored by the loop; what changed in between is computed again. Any thread.
#pragma once

#include "core/trial.h"
#include "server/loop/loop.h"
#include "server/store/reader_pool.h"

namespace sparsweep {

// Nothing is stored if the sweep is open again or gone. Both must outlive what they still do of it.
void StoreDigest(ReaderPool& readers, Loop& loop, SweepId sweep);

}  // namespace sparsweep
