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
  if (!sweeps_.emplace(effect.sweep, Sweep{.options = effect.submitted.options}).second) {
    return "sweep " + std::to_string(effect.sweep) + " is created twice";
  }
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const CellAdded& effect) {
  Sweep& sweep = sweeps_.at(effect.sweep);
  if (!sweep.cells.emplace(effect.cell.index, effect.cell).second) return "a cell is added twice";
  for (const CellTrial& joined : effect.trials) {
    if (joined.created) {
      if (!by_identity_.emplace(joined.spec.identity, joined.trial).second) {
        return "an identity has two trials";
      }
      if (!trials_.emplace(joined.trial, Trial{.identity = joined.spec.identity}).second) {
        return "trial " + std::to_string(joined.trial) + " is created twice";
      }
    } else if (by_identity_.at(joined.spec.identity) != joined.trial) {
      return "a cell joins a trial of another identity";
    }
    const StoredState::Interest place{effect.sweep, joined.trial, effect.cell.is_baseline,
                                      joined.spec.seed_rank, effect.cell.index};
    const auto rank = [](const StoredState::Interest& i) {
      return std::tuple(!i.is_baseline, i.seed_rank, i.cell);
    };
    const auto [it, is_new] = sweep.interests.emplace(joined.trial, place);
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
  sweeps_.at(effect.sweep).state = effect.state;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const TrialChanged& effect) {
  Trial& trial = trials_.at(effect.trial);
  trial.state = effect.state;
  trial.reason = effect.reason;
  trial.charged = effect.attempts;
  return std::nullopt;
}

std::optional<std::string> StoreModel::Write(const AttemptLeased& effect) {
  Trial& trial = trials_.at(effect.attempt.trial);
  for (const auto& [number, attempt] : trial.attempts) {
    if (attempt.state == AttemptState::kRunning)
      return "two live leases" + Of(effect.attempt.trial);
  }
  const auto known = trial.attempts.find(effect.attempt.number);
  if (known != trial.attempts.end() && known->second.state != AttemptState::kLost &&
      known->second.state != AttemptState::kCancelled) {
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
    if (!trial.result) return "a replicate without a result" + Of(effect.attempt.trial);
    trial.replicates[effect.attempt.number] = effect.result_json;
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
    const int64_t aliases = std::ranges::count_if(
        sweep.cells, [](const auto& cell) { return cell.second.alias_of.has_value(); });
    state.sweeps.push_back({id, sweep.state, sweep.options, sweep.next_index, sweep.expanded,
                            static_cast<int64_t>(sweep.cells.size()), aliases});
    for (const auto& [trial, interest] : sweep.interests) state.interests.push_back(interest);
    state.next_sweep = id + 1;
  }
  for (const auto& [id, trial] : trials_) {
    const int last = trial.attempts.empty() ? 0 : trial.attempts.rbegin()->first;
    state.trials.push_back({id, trial.identity, trial.state, trial.charged, last});
    for (const auto& [number, a] : trial.attempts) {
      const StoredState::LiveAttempt row{{id, number}, a.worker, a.incarnation, a.charged_to};
      if (a.state == AttemptState::kRunning) state.live.push_back(row);
      if (a.state == AttemptState::kLost || a.state == AttemptState::kCancelled) {
        state.ended.push_back(row);
      }
    }
    state.next_trial = id + 1;
  }
  for (const auto& [name, w] : workers_) {
    if (w.state == "lost" || w.state == "left") continue;
    state.workers.push_back({name, w.incarnation, w.state, w.slots, w.labels_json});
  }
  return state;
}

Coverage StoreModel::Count(SweepId id) const {
  const Sweep& sweep = sweeps_.at(id);
  Coverage coverage;
  coverage.cells = static_cast<int64_t>(sweep.cells.size());
  for (const auto& [index, cell] : sweep.cells) coverage.aliases += cell.alias_of.has_value();
  for (const auto& [trial, interest] : sweep.interests) {
    ++coverage.trials;
    switch (trials_.at(trial).state) {
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
