// What people do to the simulated cluster: sweeps of every kind, and every request there is.
#pragma once

#include <string>
#include <vector>

#include "scheduler/event.h"
#include "tests/scheduler/simulation/sim_worker.h"
#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

// A need that no worker of the simulation can meet.
inline constexpr char kNowhere[] = "tpu";

SweepOptions RandomOptions(Random& random);

// The grid of a sweep is a function of the seed and its number. Identities are drawn from so many,
// so that sweeps overlap; the first sweep has one of each of the first 24.
std::vector<ExpandedCell> GridOf(uint64_t seed, SweepId sweep, int identities);

struct Request {
  std::string name;
  Event event;
};
// Of a sweep, trial or worker there is, or perhaps is not any more.
Request RandomRequest(const StoreModel& store, Random& random);

}  // namespace sparsweep::testing
