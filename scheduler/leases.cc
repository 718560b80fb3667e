// How attempts begin and end.
//
// The first success of an attempt that was leased to the reporting worker is accepted, whatever
// became of the attempt since; a later one is a replicate. Lost and crashed attempts are charged to
// the trial and retried after a back-off until the cap. `interrupted` is uncharged. `refused` is
// about the worker: another worker is tried if one is online that has not refused the trial too,
// else the trial fails. All other reasons would come again: the trial fails.
#include <algorithm>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {

void Scheduler::State::Grant(Step& step, Worker& worker, const AttemptId& id, SweepId charged_to) {
  Trial& trial = trials[id.trial];
  trial.attempts = std::max(trial.attempts, id.number);
  Lease& lease = leases[id.trial];
  lease = {id.number, worker.number, charged_to, step.now + options.lease, worker.sequence, 0};
  timers.Set({lease.deadline, TimerKind::kLease, id.trial});
  worker.attempts.insert(id.trial);
  UpdateFree(worker);
  step.effects.push_back(AttemptLeased{id, worker.name, worker.incarnation, charged_to});
  Move(step, id.trial, TrialState::kRunning);
}

void Scheduler::State::Renew(Lease& lease, TrialId trial, Instant now) {
  timers.Clear({lease.deadline, TimerKind::kLease, trial});
  lease.deadline = now + options.lease;
  timers.Set({lease.deadline, TimerKind::kLease, trial});
}

Lease Scheduler::State::Release(TrialId trial) {
  const Lease lease = leases.extract(trial).mapped();
  timers.Clear({lease.deadline, TimerKind::kLease, trial});
  workers[lease.worker].attempts.erase(trial);
  UpdateFree(workers[lease.worker]);
  return lease;
}

// Returns whether the worker may forget the report.
bool Scheduler::State::TakeEnded(Step& step, Worker& worker, EndedAttempt report) {
  const AttemptId id = report.attempt;
  const Trial* trial = FindTrial(id.trial);
  if (trial == nullptr || id.number < 1 || id.number > trial->attempts) return false;
  if (!report.failure && report.result_json.empty()) return false;
  const auto lease = leases.find(id.trial);
  const auto lost = unsettled.find(id);
  const bool live = lease != leases.end() && lease->second.number == id.number;
  if (!live && lost == unsettled.end()) return true;  // settled: a repetition
  const bool own =
      live ? lease->second.worker == worker.number : lost->second.worker == worker.name;
  if (On(Mechanism::kFence) && !own) return false;
  if (!live && !On(Mechanism::kLateSuccess)) return true;
  if (report.failure) {
    Fail(step, worker, report);
  } else {
    Succeed(step, worker, report);
  }
  return true;
}

void Scheduler::State::Succeed(Step& step, Worker& worker, EndedAttempt& report) {
  const AttemptId id = report.attempt;
  worker.failures = 0;
  worker.crashed.clear();
  unsettled.erase(id);
  AttemptEnded ended{id,         AttemptState::kSucceeded,   {},
                     {},         std::move(report.log_blob), std::move(report.result_json),
                     worker.name};
  if (trials[id.trial].state == TrialState::kSucceeded && On(Mechanism::kAcceptOnce)) {
    ended.state = AttemptState::kReplicate;
    step.effects.push_back(std::move(ended));
    return;
  }
  if (const auto lease = leases.find(id.trial); lease != leases.end()) {
    if (lease->second.number == id.number) {
      Release(id.trial);
    } else if (On(Mechanism::kStopOthers)) {
      GiveUp(step, id.trial, AttemptState::kCancelled, {},
             "attempt " + std::to_string(id.number) + " finished first");
    }
  }
  step.effects.push_back(std::move(ended));
  Move(step, id.trial, TrialState::kSucceeded);
}

void Scheduler::State::Fail(Step& step, Worker& worker, EndedAttempt& report) {
  const AttemptId id = report.attempt;
  const FailureReason reason = *report.failure;
  const std::string message = report.message;
  step.effects.push_back(AttemptEnded{id,
                                      AttemptState::kFailed,
                                      reason,
                                      std::move(report.message),
                                      std::move(report.log_blob),
                                      {},
                                      worker.name});
  if (unsettled.erase(id) > 0) return;  // what it meant for the trial was decided when it was lost
  Release(id.trial);
  switch (reason) {
    case FailureReason::kInterrupted:
      return Requeue(step, id.trial, options.backoff);
    case FailureReason::kRefused:
      return Refuse(step, worker, id.trial, message);
    case FailureReason::kCrashed:
    case FailureReason::kLost:
      return Crash(step, worker, id.trial, message);
    case FailureReason::kAttestation:
      Distrust(step, worker);
      break;
    default:
      worker.failures = 0;  // it trained: the failure is the trial's own
      worker.crashed.clear();
  }
  Move(step, id.trial, TrialState::kFailed, reason, message);
}

// The scheduler ends a live attempt itself; what follows for the trial is the caller's.
void Scheduler::State::GiveUp(Step& step, TrialId trial, AttemptState state,
                              std::optional<FailureReason> reason, const std::string& why) {
  const Lease lease = Release(trial);
  const AttemptId id{trial, lease.number};
  const std::string& worker = workers[lease.worker].name;
  const bool charged = state == AttemptState::kLost && reason != FailureReason::kInterrupted;
  unsettled[id] = {worker, lease.charged_to, charged};
  step.effects.push_back(AttemptEnded{id, state, reason, why, {}, {}, worker});
}

void Scheduler::State::Charge(Step& step, TrialId id, FailureReason reason,
                              const std::string& message) {
  Trial& trial = trials[id];
  ++trial.charged;
  if (trial.charged >= options.max_attempts) {
    return Move(step, id, TrialState::kFailed, reason, message);
  }
  const int doublings = std::min(trial.charged - 1, 16);
  Requeue(step, id, options.backoff * (1 << doublings));
}

// Charged to the trial unless it is what convicts the worker.
void Scheduler::State::Crash(Step& step, Worker& worker, TrialId id, const std::string& message) {
  if (Distrust(step, worker)) return Requeue(step, id, options.backoff);
  worker.crashed.push_back(id);
  Charge(step, id, FailureReason::kCrashed, message);
}

void Scheduler::State::Refuse(Step& step, Worker& worker, TrialId id, const std::string& message) {
  refused[id].emplace(worker.name, worker.incarnation);
  Distrust(step, worker);
  const bool another = std::ranges::any_of(workers, [&](const Worker& other) {
    return other.state == WorkerState::kOnline && other.slots > 0 && !Refused(id, other);
  });
  if (another) return Requeue(step, id, Duration::zero());
  Move(step, id, TrialState::kFailed, FailureReason::kRefused, message);
}

bool Scheduler::State::Refused(TrialId trial, const Worker& worker) const {
  const auto it = refused.find(trial);
  return it != refused.end() && it->second.contains({worker.name, worker.incarnation});
}

}  // namespace sparsweep
