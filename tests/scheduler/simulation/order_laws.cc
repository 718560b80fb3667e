#include "tests/scheduler/simulation/order_laws.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace sparsweep::testing {
namespace {

using Rank = std::tuple<bool, int, uint64_t, TrialId>;

Rank RankOf(const StoredState::Interest& place) {
  return {!place.is_baseline, place.seed_rank, place.cell, place.trial};
}

bool IsNew(const StoreModel& store, const AttemptLeased& leased) {
  return !store.trials().at(leased.attempt.trial).attempts.contains(leased.attempt.number);
}

bool IsExclusive(const StoreModel& store, TrialId trial) {
  return std::ranges::any_of(store.sweeps(), [&](const auto& sweep) {
    return sweep.second.options.needs.exclusive && sweep.second.interests.contains(trial);
  });
}

// Whether the sweep hands out trials: it is open and may have more leases.
bool HandsOut(const StoreModel& store, SweepId id, const StoreModel::Sweep& sweep) {
  if (sweep.closed || sweep.state == SweepState::kPaused) return false;
  if (sweep.options.max_running == 0) return true;
  int64_t running = 0;
  for (const auto& [trial, row] : store.trials()) {
    for (const auto& [number, attempt] : row.attempts) {
      running += attempt.state == AttemptState::kRunning && attempt.charged_to == id;
    }
  }
  return running < sweep.options.max_running;
}

std::optional<Rank> FirstWaiting(const StoreModel& store, const StoreModel::Sweep& sweep) {
  std::optional<Rank> first;
  for (const auto& [id, place] : sweep.interests) {
    const StoreModel::Trial& trial = store.trials().at(id);
    if (place.wish != Wish::kWanted || trial.state != TrialState::kQueued) continue;
    if (!trial.attempts.empty() || IsExclusive(store, id)) continue;
    if (!first || RankOf(place) < *first) first = RankOf(place);
  }
  return first;
}

}  // namespace

Law BrokenOrderLaw(const StoreModel& store, const AttemptLeased& leased) {
  const StoreModel::Sweep& sweep = store.sweeps().at(leased.charged_to);
  if (!IsNew(store, leased) || sweep.options.needs.exclusive) return std::nullopt;
  const std::string name = "trial " + std::to_string(leased.attempt.trial);
  const auto first = FirstWaiting(store, sweep);
  if (first && *first < RankOf(sweep.interests.at(leased.attempt.trial))) {
    return name + " goes before trial " + std::to_string(std::get<TrialId>(*first)) +
           ", which is first in its sweep";
  }
  for (const auto& [id, other] : store.sweeps()) {
    if (other.options.priority <= sweep.options.priority) continue;
    if (!(other.options.needs == sweep.options.needs) || !HandsOut(store, id, other)) continue;
    if (FirstWaiting(store, other)) {
      return name + " goes before sweep " + std::to_string(id) + " of higher priority";
    }
  }
  return std::nullopt;
}

}  // namespace sparsweep::testing
