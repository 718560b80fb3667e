// What the store remembers for the scheduler, read back at start and after a failed commit.
#pragma once

#include "core/result.h"
#include "scheduler/scheduler.h"
#include "server/store/sqlite.h"

namespace sparsweep {

// `now_ms`: unix time, for how long attempts have been running.
Result<StoredState> LoadState(Database& db, int64_t now_ms);

}  // namespace sparsweep
