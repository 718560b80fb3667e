// What people do to the simulated cluster.
#include "tests/scheduler/simulation/people.h"

#include <set>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

SweepId AnySweep(const StoreModel& store, Random& random) {
  if (store.sweeps().empty()) return 1;
  return std::next(store.sweeps().begin(), Below(random, store.sweeps().size()))->first;
}

TrialId AnyTrial(const StoreModel& store, Random& random) {
  return 1 + Below(random, static_cast<int>(store.next_trial()));
}

// Some of the sweep's trials, or all of it.
TrialChoice SomeOf(const StoreModel& store, SweepId sweep, int percent_all, Random& random) {
  if (Chance(random, percent_all)) return std::nullopt;
  std::vector<TrialId> some;
  const auto it = store.sweeps().find(sweep);
  if (it == store.sweeps().end()) return some;
  for (const auto& [trial, interest] : it->second.interests) {
    if (Chance(random, 25)) some.push_back(trial);
  }
  return some;
}

}  // namespace

SweepOptions RandomOptions(Random& random) {
  SweepOptions options;
  options.priority = Below(random, 3);
  options.weight = 1 + Below(random, 3);
  if (Chance(random, 25)) options.max_running = 1 + Below(random, 2);
  if (Chance(random, 25)) options.time_limit = seconds(40);
  if (Chance(random, 25)) options.idle_limit = seconds(25);
  if (Chance(random, 30)) options.max_failed_share = 0.3;
  options.fresh = Chance(random, 12);
  switch (Below(random, 12)) {
    case 0:
      options.needs.device = "cuda";
      break;
    case 1:
      options.needs.labels = {{"zone", "a"}};
      break;
    case 2:
    case 3:
      options.needs.memory_bytes = int64_t{6} << 30;
      break;
    case 4:
    case 5:
      options.needs.exclusive = true;
      break;
    case 6:
      if (Chance(random, 50)) options.needs.device = kNowhere;
      break;
    default:
      break;
  }
  return options;
}

std::vector<ExpandedCell> GridOf(uint64_t seed, SweepId sweep, int identities) {
  Random random(seed * 1000 + sweep);
  std::vector<ExpandedCell> grid(sweep == 1 ? 12 : 3 + Below(random, 8));
  std::set<std::string> first_seeds;
  for (ExpandedCell& cell : grid) {
    cell.index = &cell - grid.data();
    cell.is_baseline = Chance(random, 15);
    for (int rank = 0; rank < 2; ++rank) {
      const int any = Below(random, identities);
      const int number = sweep == 1 ? static_cast<int>(cell.index) * 2 + rank : any;
      const std::string name = std::to_string(number);
      if (rank == 0 && !first_seeds.insert(name).second) cell.alias_of = 0;
      cell.trials.push_back({Identity(name), 1, {}, rank});
    }
    if (cell.trials[0].identity == cell.trials[1].identity) cell.trials.pop_back();
  }
  return grid;
}

Request RandomRequest(const StoreModel& store, Random& random) {
  const SweepId sweep = AnySweep(store, random);
  const TrialId trial = AnyTrial(store, random);
  switch (Below(random, 40)) {
    case 0:
      return {"sweep deleted", SweepDeleteRequested{sweep}};
    case 1:
      return {"sweep cancelled", SweepCancelRequested{sweep}};
    case 2:
    case 3:
      return {"trials of sweep cancelled",
              SweepCancelRequested{sweep, SomeOf(store, sweep, 0, random)}};
    case 4:
    case 5:
    case 6:
      return {"sweep paused", SweepPauseRequested{sweep, SomeOf(store, sweep, 60, random)}};
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
      return {"sweep resumed", SweepResumeRequested{sweep, SomeOf(store, sweep, 60, random)}};
    case 12:
    case 13:
      return {"sweep retried", SweepRetryRequested{sweep, {}, SomeOf(store, sweep, 60, random)}};
    case 14:
      return {"sweep retried by reason",
              SweepRetryRequested{sweep, {FailureReason::kCrashed, FailureReason::kTimeout}}};
    case 15:
    case 16:
    case 17: {
      SweepReprioritised event{sweep};
      if (Chance(random, 50)) event.priority = Below(random, 3);
      if (Chance(random, 50)) event.weight = 1 + Below(random, 3);
      if (Chance(random, 50)) event.max_running = Below(random, 3);
      return {"sweep reprioritised", event};
    }
    case 18:
      return {"trial cancelled", TrialCancelRequested{trial}};
    case 19:
      return {"trial paused", TrialPauseRequested{trial}};
    case 20:
    case 21:
      return {"trial resumed", TrialResumeRequested{trial}};
    case 22:
    case 23:
      return {"trial retried", TrialRetryRequested{trial}};
    case 24:
    case 25:
    case 26: {
      ResultsInvalidated event{{}, "the worker was wrong"};
      for (const auto& [id, row] : store.trials()) {
        if (Chance(random, 20)) event.trials.push_back(id);
      }
      return {"results invalidated", event};
    }
    case 27:
      return {"worker drained", WorkerDrainRequested{"w" + std::to_string(Below(random, 4))}};
    case 28:
    case 29:
      return {"worker taken back",
              WorkerDrainRequested{"w" + std::to_string(Below(random, 4)), false}};
    case 30:
      return {"expansion failed", ExpansionFailed{sweep, "the model is gone"}};
    default: {
      SweepSubmitted submitted;
      submitted.options = RandomOptions(random);
      return {"sweep submitted", submitted};
    }
  }
}

}  // namespace sparsweep::testing
