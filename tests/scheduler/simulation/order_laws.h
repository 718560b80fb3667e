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

// Sweeps of equal priority and needs that both have trials waiting, at every lease of a while, share
// the leases of that while by weight, but for the turn that either had before.
class Turns {
 public:
  Law Broken(const StoreModel& store, const AttemptLeased& leased);
  void Note(const Effect& effect);  // a sweep's new priority or weight begins a new while
  void Forget() { pairs_.clear(), lightest_.clear(); }

 private:
  using Pair = std::pair<SweepId, SweepId>;
  std::map<Pair, std::pair<int, int>> pairs_;  // leases of either while both waited
  std::map<SweepId, double> lightest_;         // weight of a turn that was paid for
};

}  // namespace sparsweep::testing
