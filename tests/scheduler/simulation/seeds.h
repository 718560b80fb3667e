// Many seeds of the simulation at once, and what became of them: a failure prints its seed and how
// to replay it; the tables at the end say what happened and how often each fault met each state.
#pragma once

#include <functional>
#include <string>

#include "tests/scheduler/simulation/simulation.h"

namespace sparsweep::testing {

// The cluster of a seed: three to five workers.
SimulationOptions OptionsOf(uint64_t seed);

// Runs the seeds 1 .. `seeds` (or as many as the environment's `variable` says; or
// SPARSWEEP_SIM_SEED alone) on two threads and expects no broken law.
void ExpectLawsHold(const char* variable, uint64_t seeds,
                    const std::function<SimulationOutcome(SimulationOptions)>& run = Simulate);

}  // namespace sparsweep::testing
