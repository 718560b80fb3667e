// The store in memory.
#include "tests/scheduler/store_model.h"

#include <algorithm>
#include <tuple>

namespace sparsweep::testing {
namespace {

std::string Of(TrialId trial) { return " of trial " + std::to_string(trial); }

}  // namespace

std::optional<std::string> StoreModel::Commit(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    if (auto broken = std::visit([this](const auto& e) { return Write(e); }, effect)) return broken;
  }
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepCreated& effect) {
  if (effect.sweep < next_sweep_) return "a sweep's number is given out twice";
  next_sweep_ = effect.sweep + 1;
  sweeps_[effect.sweep].options = effect.submitted.options;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const CellAdded& effect) {
  Sweep& sweep = sweeps_.at(effect.sweep);
  if (!sweep.cells.emplace(effect.cell.index, effect.cell).second) return "a cell is added twice";
  for (const CellTrial& joined : effect.trials) {
    if (joined.created) {
      if (!by_identity_.emplace(std::pair(joined.spec.identity, joined.generation), joined.trial)
               .second) {
        return "an identity has two trials of a generation";
      }
      if (joined.trial < next_trial_) return "a trial's number is given out twice";
      next_trial_ = joined.trial + 1;
      trials_[joined.trial].identity = joined.spec.identity;
      trials_[joined.trial].generation = joined.generation;
    } else if (trials_.at(joined.trial).identity != joined.spec.identity) {
      return "a cell joins a trial of another identity";
    }
    StoredState::Interest place{effect.sweep, joined.trial, effect.cell.is_baseline,
                                joined.spec.seed_rank, effect.cell.index};
    const auto rank = [](const StoredState::Interest& i) {
      return std::tuple(!i.is_baseline, i.seed_rank, i.cell);
    };
    const auto [it, is_new] = sweep.interests.emplace(joined.trial, place);
    place.wish = it->second.wish;
    if (!is_new && rank(place) < rank(it->second)) it->second = place;
  }
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const ExpansionAdvanced& effect) {
  Sweep& sweep = sweeps_.at(effect.sweep);
  sweep.next_index = effect.next_index;
  sweep.expanded = effect.done;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepChanged& effect) {
  Sweep& sweep = sweeps_.at(effect.sweep);
  sweep.state = effect.state;
  sweep.message = effect.message;
  sweep.closed = effect.closed;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepOptionsChanged& effect) {
  sweeps_.at(effect.sweep).options = effect.options;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepWaiting& effect) {
  sweeps_.at(effect.sweep).waiting_for = effect.waiting_for;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepDeletionBegun& effect) {
  Sweep& sweep = sweeps_.at(effect.sweep);
  if (sweep.deleting) return "a sweep is deleted twice";
  sweep.deleting = sweep.closed = true;
  if (effect.next_sweep != next_sweep_ || effect.next_trial != next_trial_) {
    return "the numbers given out are not those of the store";
  }
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepShrunk& effect) {
  Sweep& shrinking = sweeps_.at(effect.sweep);
  if (!shrinking.deleting) return "a sweep shrinks that is not deleted";
  for (const TrialId id : effect.released) {
    if (shrinking.interests.erase(id) == 0) return "a sweep releases what it does not hold";
  }
  for (const TrialId id : effect.deleted) {
    const Trial& trial = trials_.at(id);
    for (const auto& [number, attempt] : trial.attempts) {
      if (attempt.state == AttemptState::kRunning) return "a running trial is deleted" + Of(id);
    }
    for (const auto& [other, sweep] : sweeps_) {
      if (sweep.interests.contains(id)) return "a trial of another sweep is deleted" + Of(id);
    }
    by_identity_.erase({trial.identity, trial.generation});
    trials_.erase(id);
  }
  if (effect.cells > static_cast<int64_t>(shrinking.cells.size())) return "cells go that are not there";
  shrinking.cells.erase(shrinking.cells.begin(), std::next(shrinking.cells.begin(), effect.cells));
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const SweepDeleted& effect) {
  const Sweep& sweep = sweeps_.at(effect.sweep);
  if (!sweep.interests.empty() || !sweep.cells.empty()) return "a sweep is deleted with its rows";
  sweeps_.erase(effect.sweep);
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const InterestChanged& effect) {
  sweeps_.at(effect.sweep).interests.at(effect.trial).wish = effect.wish;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const ResultInvalidated& effect) {
  Trial& trial = trials_.at(effect.trial);
  if (!trial.result) return "a result that is not there is invalidated" + Of(effect.trial);
  trial.attempts.at(trial.accepted).state = AttemptState::kReplicate;
  trial.replicates[trial.accepted] = *trial.result;
  trial.stale.insert(trial.accepted);
  trial.result.reset();
  trial.accepted = 0;
  trial.fence = effect.fence;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const TrialChanged& effect) {
  Trial& trial = trials_.at(effect.trial);
  trial.state = effect.state;
  trial.reason = effect.reason;
  trial.message = effect.message;
  trial.charged = effect.attempts;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const AttemptLeased& effect) {
  Trial& trial = trials_.at(effect.attempt.trial);
  for (const auto& [number, attempt] : trial.attempts) {
    if (attempt.state == AttemptState::kRunning && number != effect.attempt.number) {
      return "two live leases" + Of(effect.attempt.trial);
    }
  }
  const auto known = trial.attempts.find(effect.attempt.number);
  if (known != trial.attempts.end() && known->second.state == AttemptState::kRunning &&
      (known->second.worker != effect.worker || known->second.charged_to == effect.charged_to)) {
    return "a running attempt is leased again" + Of(effect.attempt.trial);
  }
  if (known != trial.attempts.end() && known->second.state != AttemptState::kLost &&
      known->second.state != AttemptState::kCancelled &&
      known->second.state != AttemptState::kRunning) {
    return "an attempt that had ended is leased again" + Of(effect.attempt.trial);
  }
  if (known == trial.attempts.end() &&
      effect.attempt.number != static_cast<int>(trial.attempts.size()) + 1) {
    return "attempts are not numbered in order" + Of(effect.attempt.trial);
  }
  trial.attempts[effect.attempt.number] = {effect.worker, effect.incarnation, effect.charged_to,
                                           AttemptState::kRunning, std::nullopt};
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const AttemptEnded& effect) {
  Trial& trial = trials_.at(effect.attempt.trial);
  const auto found = trial.attempts.find(effect.attempt.number);
  if (found == trial.attempts.end())
    return "an attempt never leased ends" + Of(effect.attempt.trial);
  Attempt& attempt = found->second;
  const bool open = attempt.state == AttemptState::kRunning ||
                    attempt.state == AttemptState::kLost ||
                    attempt.state == AttemptState::kCancelled;
  if (!open) return "an attempt ends twice" + Of(effect.attempt.trial);
  attempt.state = effect.state;
  attempt.reason = effect.reason;
  if (effect.state == AttemptState::kSucceeded) {
    if (trial.result) return "two accepted results" + Of(effect.attempt.trial);
    trial.result = effect.result_json;
    trial.accepted = effect.attempt.number;
  } else if (effect.state == AttemptState::kReplicate) {
    if (!trial.result && !effect.stale) {
      return "a replicate without a result" + Of(effect.attempt.trial);
    }
    trial.replicates[effect.attempt.number] = effect.result_json;
    if (effect.stale) trial.stale.insert(effect.attempt.number);
  }
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const WorkerChanged& effect) {
  workers_[effect.worker] = effect;
  return std::nullopt;
}

StoredState StoreModel::Read() const {
  StoredState state;
  for (const auto& [id, sweep] : sweeps_) {
    const int64_t aliases = std::ranges::count_if(sweep.cells, [&](const auto& cell) {
      return !sweep.deleting && cell.second.alias_of.has_value();
    });
    state.sweeps.push_back({id, sweep.state, sweep.options, sweep.next_index, sweep.expanded,
                            static_cast<int64_t>(sweep.cells.size()), aliases, sweep.closed,
                            sweep.waiting_for, sweep.deleting});
    for (const auto& [trial, interest] : sweep.interests) state.interests.push_back(interest);
  }
  for (const auto& [id, trial] : trials_) {
    const int last = trial.attempts.empty() ? 0 : trial.attempts.rbegin()->first;
    state.trials.push_back({id, trial.identity, trial.state, trial.charged, last, trial.reason,
                            trial.generation, trial.fence});
    for (const auto& [number, a] : trial.attempts) {
      const StoredState::LiveAttempt row{{id, number}, a.worker, a.incarnation, a.charged_to};
      if (a.state == AttemptState::kRunning) state.live.push_back(row);
      if (a.state == AttemptState::kLost || a.state == AttemptState::kCancelled) {
        state.ended.push_back(row);
      }
    }
  }
  state.next_sweep = next_sweep_;
  state.next_trial = next_trial_;
  for (const auto& [name, w] : workers_) {
    if (w.state == "lost" || w.state == "left") continue;
    state.workers.push_back(
        {name, w.incarnation, w.state, w.slots, w.labels_json, w.offer, w.drain_requested});
  }
  return state;
}

TrialState StoreModel::SeenBy(const Sweep& sweep, TrialId id) const {
  const TrialState state = trials_.at(id).state;
  const bool open = state == TrialState::kQueued || state == TrialState::kRunning;
  const bool wanted = !sweep.closed && sweep.interests.at(id).wish != Wish::kDropped;
  return open && !wanted ? TrialState::kCancelled : state;
}

Coverage StoreModel::Count(SweepId id) const {
  const Sweep& sweep = sweeps_.at(id);
  Coverage coverage;
  coverage.cells = static_cast<int64_t>(sweep.cells.size());
  for (const auto& [index, cell] : sweep.cells) coverage.aliases += cell.alias_of.has_value();
  for (const auto& [trial, interest] : sweep.interests) {
    ++coverage.trials;
    switch (SeenBy(sweep, trial)) {
      case TrialState::kQueued:
        ++coverage.queued;
        break;
      case TrialState::kRunning:
        ++coverage.running;
        break;
      case TrialState::kSucceeded:
        ++coverage.succeeded;
        break;
      case TrialState::kFailed:
        ++coverage.failed;
        break;
      case TrialState::kCancelled:
        ++coverage.cancelled;
        break;
    }
  }
  return coverage;
}

}  // namespace sparsweep::testing
