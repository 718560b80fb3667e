// A Sync, checked and turned into a fact for the scheduler. Pure: any thread.
#pragma once

#include "core/result.h"
#include "server/loop/loop.h"
#include "server/services/refusals.h"
#include "sparsweep/v1/worker.pb.h"

namespace sparsweep {

// An error where no worker of ours would send this. What of it is merely useless (a point that is not
// finite) is left out; a result that cannot be read is a failure of its attempt. Both are counted.
Result<Posted> ToPosted(const v1::SyncRequest& request, Refusals& refusals);

}  // namespace sparsweep
