// Laws of who goes first: within a sweep, and among sweeps of different priority.
//
// They speak of trials that never ran: of those no back-off and no refusal can be known that the
// rows do not show. Nor of exclusive ones, which wait for a worker to be emptied for them.
#pragma once

#include "scheduler/effect.h"
#include "tests/scheduler/simulation/laws.h"
#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

// The lease about to be written is of the first trial of its sweep that waits (baselines, then one
// seed of every cell), and no sweep of higher priority and equal needs had one.
Law BrokenOrderLaw(const StoreModel& store, const AttemptLeased& leased);

}  // namespace sparsweep::testing
