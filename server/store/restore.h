// What the store remembers for the scheduler, read back at start and after a failed commit.
#pragma once

#include "core/result.h"
#include "scheduler/scheduler.h"
#include "server/store/sqlite.h"

namespace sparsweep {

Result<StoredState> LoadState(Database& db);

}  // namespace sparsweep
