// Laws of who goes first: within a sweep, among sweeps of different priority, and of equal.
//
// They speak of trials that never ran: of those no back-off and no refusal can be known that the
// rows do not show. Nor of exclusive ones, which wait for a worker to be emptied for them.
#pragma once

#include <map>
#include <utility>

#include "scheduler/effect.h"
#include "tests/scheduler/simulation/laws.h"
#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

// The lease about to be written is of the first trial of its sweep that waits (baselines, then one
// seed of every cell), and no sweep of higher priority and equal needs had one.
Law BrokenOrderLaw(const StoreModel& store, const AttemptLeased& leased);

// Sweeps of equal priority and needs that have trials waiting all the while share leases by weight.
class Turns {
 public:
  Law Broken(const StoreModel& store, const AttemptLeased& leased);
  void Forget() { pairs_.clear(); }

 private:
  struct Pair {
    double weights[2] = {1, 1};
    int turns[2] = {0, 0};
  };
  std::map<std::pair<SweepId, SweepId>, Pair> pairs_;
};

}  // namespace sparsweep::testing
