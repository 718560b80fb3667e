// What must hold of a cluster at every step.
#include "tests/scheduler/simulation/laws.h"

#include <algorithm>

#include "tests/scheduler/environment.h"
#include "tests/scheduler/simulation/sim_worker.h"

namespace sparsweep::testing {
namespace {

const StoreModel::Attempt* Row(const StoreModel& store, AttemptId id) {
  const auto trial = store.trials().find(id.trial);
  if (trial == store.trials().end()) return nullptr;
  const auto row = trial->second.attempts.find(id.number);
  return row == trial->second.attempts.end() ? nullptr : &row->second;
}

Law BrokenLawOf(const StoreModel& store, const StoreModel::Trial& trial, int cap) {
  int live = 0;
  for (const auto& [number, attempt] : trial.attempts) {
    if (attempt.state != AttemptState::kRunning) continue;
    ++live;
    if (attempt.incarnation != store.workers().at(attempt.worker).incarnation) {
      return "an incarnation that is gone holds a lease";
    }
  }
  if (live != (trial.state == TrialState::kRunning ? 1 : 0)) {
    return "state and live attempts differ";
  }
  if (trial.result.has_value() != (trial.state == TrialState::kSucceeded)) {
    return "state and result differ";
  }
  if (trial.state == TrialState::kFailed && !trial.reason) return "it failed without a reason";
  if (trial.result && trial.accepted <= trial.fence) {
    return "its result is from before an invalidation";
  }
  if (trial.charged > cap) return "it is charged beyond the cap";
  std::map<int, std::string> words = trial.replicates;
  if (trial.result) words[trial.accepted] = *trial.result;
  for (const auto& [number, result] : words) {
    if (!result.starts_with(trial.attempts.at(number).worker + " ")) {
      return "a result is not from the worker it was leased to";
    }
  }
  return std::nullopt;
}

}  // namespace

Law BrokenMemoryLaw(const StoredState& stored, const Scheduler& scheduler) {
  StoredState want = stored;
  for (StoredState::LiveAttempt& attempt : want.ended) {
    attempt = {attempt.id, attempt.worker, {}, 0, {}};
  }
  for (StoredState::LiveAttempt& attempt : want.live) attempt.running_for = {};
  const StoredState have = scheduler.Remembered();
  if (have == want) return std::nullopt;
  std::string parts;
  if (have.sweeps != want.sweeps) parts += " sweeps";
  if (have.trials != want.trials) parts += " trials";
  if (have.interests != want.interests) parts += " interests";
  if (have.live != want.live) parts += " leases";
  if (have.ended != want.ended) parts += " lost-attempts";
  if (have.workers != want.workers) parts += " workers";
  if (have.next_sweep != want.next_sweep || have.next_trial != want.next_trial) parts += " numbers";
  return "the scheduler and the store differ in" + parts;
}

Law BrokenSweepLaw(const StoreModel& store, const Scheduler& live) {
  for (const auto& [id, sweep] : store.sweeps()) {
    if (sweep.deleting) continue;
    const std::string name = "sweep " + std::to_string(id);
    const auto coverage = live.CoverageOf(id);
    if (!coverage || *coverage != store.Count(id)) {
      return "the ledger of " + name + " is not what the rows say";
    }
    if (coverage->trials != coverage->queued + coverage->running + coverage->succeeded +
                                coverage->failed + coverage->cancelled) {
      return "the ledger of " + name + " does not add up";
    }
    if (live.StateOf(id) != sweep.state)
      return "the state of " + name + " is not what the row says";
    const bool over = sweep.state == SweepState::kSucceeded ||
                      (sweep.state == SweepState::kFailed && sweep.expanded);
    if (over && coverage->queued + coverage->running > 0) {
      return name + " is finished and has open trials";
    }
  }
  return std::nullopt;
}

Law BrokenTrialLaw(const StoreModel& store, const SchedulerOptions& options) {
  for (const auto& [id, trial] : store.trials()) {
    if (const Law law = BrokenLawOf(store, trial, options.max_attempts)) {
      return "trial " + std::to_string(id) + ": " + *law;
    }
  }
  return std::nullopt;
}

Law BrokenLeaseLaw(const StoreModel& store, const SchedulerOptions& options,
                   const std::map<std::string, Instant>& heard,
                   const std::map<AttemptId, Instant>& started,
                   const std::map<AttemptId, LastStep>& progress, Instant now) {
  for (const auto& [id, trial] : store.trials()) {
    for (const auto& [number, attempt] : trial.attempts) {
      if (attempt.state != AttemptState::kRunning) continue;
      const std::string name = "trial " + std::to_string(id);
      if (now > heard.at(attempt.worker) + options.lease) {
        return name + ": a lease outlives its worker's last word";
      }
      const SweepOptions& options_of_sweep = store.sweeps().at(attempt.charged_to).options;
      const Duration limit = options_of_sweep.time_limit, idle = options_of_sweep.idle_limit;
      if (limit > Duration::zero() && now > started.at({id, number}) + limit) {
        return name + ": a lease outlives its time limit";
      }
      if (idle > Duration::zero() && now > progress.at({id, number}).at + idle) {
        return name + ": a lease outlives its idle limit";
      }
    }
  }
  return std::nullopt;
}

Law BrokenQuarantineLaw(const StoreModel& store, const std::vector<Effect>& effects) {
  std::set<std::string> quarantined;
  for (const WorkerChanged& worker : Only<WorkerChanged>(effects)) {
    if (worker.state == "quarantined") quarantined.insert(worker.worker);
  }
  std::set<TrialId> taken;
  for (const AttemptEnded& ended : Only<AttemptEnded>(effects)) {
    const bool cancelled = ended.state == AttemptState::kCancelled;
    if (cancelled && quarantined.contains(ended.worker)) taken.insert(ended.attempt.trial);
  }
  for (const TrialChanged& trial : Only<TrialChanged>(effects)) {
    if (taken.contains(trial.trial) && trial.attempts > store.trials().at(trial.trial).charged) {
      return "trial " + std::to_string(trial.trial) + " is charged for its worker's quarantine";
    }
  }
  return std::nullopt;
}

Law BrokenAnswerLaw(const StoreModel& store, const Instruction& told,
                    const std::vector<EndedAttempt>& reported) {
  const auto deleted = [&](TrialId id) {  // with its sweep, in the same batch or before
    return id > 0 && id < store.next_trial() && !store.trials().contains(id);
  };
  for (const AttemptId& id : told.run) {
    if (deleted(id.trial)) continue;
    const StoreModel::Attempt* row = Row(store, id);
    if (row == nullptr || row->worker != told.worker) {
      return "a worker is told to run what is not committed as its own";
    }
  }
  for (const EndedAttempt& ended : reported) {
    if (ended.failure || ended.result_json != TrueResult(told.worker, ended.attempt)) continue;
    if (std::ranges::find(told.acknowledged, ended.attempt) == told.acknowledged.end()) continue;
    if (deleted(ended.attempt.trial)) continue;
    const StoreModel::Attempt* row = Row(store, ended.attempt);
    if (row == nullptr ||
        (row->state != AttemptState::kSucceeded && row->state != AttemptState::kReplicate)) {
      return "a success was acknowledged and is not on record";
    }
  }
  return std::nullopt;
}

void SyncOrder::Note(const std::vector<Effect>& effects) {
  for (const WorkerChanged& worker : Only<WorkerChanged>(effects)) {
    if (worker.state == "lost" || worker.state == "left") {
      lost_.insert(worker.worker);
    } else {
      lost_.erase(worker.worker);
    }
  }
}

Law SyncOrder::Broken(const WorkerSynced& sync, const std::vector<Effect>& effects) {
  auto& [incarnations, sequence] = newest_[sync.worker];
  if (lost_.contains(sync.worker) && !incarnations.empty() &&
      incarnations.back() != sync.incarnation) {
    std::erase(incarnations, sync.incarnation);
  }
  const auto known = std::ranges::find(incarnations, sync.incarnation);
  const bool is_new = known == incarnations.end();
  const bool overtaken = !is_new && (known != incarnations.end() - 1 || sync.sequence < sequence);
  const bool stale = Only<Instruction>(effects).at(0).stale;
  if (overtaken && (!stale || effects.size() != 1)) {
    return "a Sync that was overtaken changes something";
  }
  if (stale) return std::nullopt;
  if (is_new) incarnations.push_back(sync.incarnation);
  sequence = sync.sequence;
  return std::nullopt;
}

}  // namespace sparsweep::testing
