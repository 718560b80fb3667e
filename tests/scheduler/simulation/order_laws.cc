#include "tests/scheduler/simulation/order_laws.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

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

Law Turns::Broken(const StoreModel& store, const AttemptLeased& leased) {
  if (!IsNew(store, leased)) return std::nullopt;
  std::vector<SweepId> waiting;
  for (const auto& [id, sweep] : store.sweeps()) {
    if (sweep.options.needs.exclusive || !HandsOut(store, id, sweep)) continue;
    if (FirstWaiting(store, sweep)) waiting.push_back(id);
  }
  const SweepId by = leased.charged_to;
  const double paid = store.sweeps().at(by).options.weight;
  lightest_[by] = std::min(lightest_.try_emplace(by, paid).first->second, paid);
  std::map<Pair, std::pair<int, int>> pairs;
  for (const SweepId a : waiting) {
    for (const SweepId b : waiting) {
      const SweepOptions& of_a = store.sweeps().at(a).options;
      const SweepOptions& of_b = store.sweeps().at(b).options;
      if (a >= b || of_a.priority != of_b.priority || !(of_a.needs == of_b.needs)) continue;
      const auto before = pairs_.find({a, b});
      auto& [turns_a, turns_b] = pairs[{a, b}];
      if (before != pairs_.end()) std::tie(turns_a, turns_b) = before->second;
      turns_a += by == a;
      turns_b += by == b;
      // Start-time fair queueing: either lane is at most the turn it had last ahead of the other,
      // at the beginning of the while and now.
      const auto turn = [&](SweepId id, double weight) {
        const auto light = lightest_.find(id);
        return 1 / (light == lightest_.end() ? weight : std::min(weight, light->second));
      };
      const double most = turn(a, of_a.weight) + turn(b, of_b.weight);
      if (std::abs(turns_a / of_a.weight - turns_b / of_b.weight) > most + 0.01) {
        return "sweeps " + std::to_string(a) + " and " + std::to_string(b) +
               " do not share by weight: " + std::to_string(turns_a) + " and " +
               std::to_string(turns_b) + " turns";
      }
    }
  }
  pairs_ = std::move(pairs);
  return std::nullopt;
}

void Turns::Note(const Effect& effect) {
  const auto* changed = std::get_if<SweepOptionsChanged>(&effect);
  if (changed == nullptr) return;
  std::erase_if(pairs_, [&](const auto& entry) {
    return entry.first.first == changed->sweep || entry.first.second == changed->sweep;
  });
}

}  // namespace sparsweep::testing
