// What a failure means: for the trial, and for the worker it happened on.
//
// Lost and crashed attempts are charged to the trial and retried after a back-off until the cap.
// `interrupted` is uncharged. `refused` is about the worker: another one is tried if one is online
// that could take the trial and has not refused it too, else the trial fails. All other reasons would come
// again: the trial fails.
//
// A worker is quarantined when `quarantine_after` of its attempts in a row crashed, were refused,
// failed attestation or made no progress, but only while another worker is online: alone, it is as
// likely that the trials are at fault, and their own caps end them. The trials of that row go back
// uncharged, also those that failed by it.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {
namespace {

std::string Seconds(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", static_cast<double>(duration.count()) / 1000);
  return text;
}

// Of the reasons for which a worker is distrusted, in a sentence.
const char* Deed(FailureReason reason) {
  switch (reason) {
    case FailureReason::kRefused:
      return "was refused";
    case FailureReason::kAttestation:
      return "failed attestation";
    case FailureReason::kTimeout:
      return "stood still";
    default:
      return "crashed";
  }
}

}  // namespace

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
      return Crash(step, worker, id, message);
    case FailureReason::kAttestation:
      Move(step, id.trial, TrialState::kFailed, reason, message);
      worker.suspects.push_back({id, false});
      Distrust(step, worker, id.trial, reason, message);
      return;
    default:
      Trust(worker);  // it trained: the failure is the trial's own
      Move(step, id.trial, TrialState::kFailed, reason, message);
  }
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

void Scheduler::State::Crash(Step& step, Worker& worker, const AttemptId& id,
                             const std::string& message) {
  Charge(step, id.trial, FailureReason::kCrashed, message);
  worker.suspects.push_back({id, true});
  Distrust(step, worker, id.trial, FailureReason::kCrashed, message);
}

void Scheduler::State::Refuse(Step& step, Worker& worker, TrialId id, const std::string& message) {
  refused[id].emplace(worker.name, worker.incarnation);
  Distrust(step, worker, id, FailureReason::kRefused, message);
  if (AnotherMayTake(id)) return Requeue(step, id, Duration::zero());
  Move(step, id, TrialState::kFailed, FailureReason::kRefused, message);
}

bool Scheduler::State::AnotherMayTake(TrialId id) const {
  return std::ranges::any_of(workers, [&](const Worker& other) {
    if (other.fits.empty() || Refused(id, other)) return false;
    return std::ranges::any_of(trials[id].interests, [&](const Interest& i) {
      const auto& fits = other.fits;
      return Wants(i.sweep, id) &&
             std::ranges::find(fits, sweeps.at(i.sweep).group) != fits.end();
    });
  });
}

// A worker that could have taken refused trials does not take trials any more.
void Scheduler::State::FailRefused(Step& step) {
  std::vector<TrialId> stranded;
  for (const auto& [id, by] : refused) {
    const bool waits = trials[id].state == TrialState::kQueued && Wanted(id);
    if (waits && !AnotherMayTake(id)) stranded.push_back(id);
  }
  for (const TrialId id : stranded) {
    Move(step, id, TrialState::kFailed, FailureReason::kRefused,
         "every worker that could take it has refused it");
  }
}

bool Scheduler::State::Refused(TrialId trial, const Worker& worker) const {
  const auto it = refused.find(trial);
  return it != refused.end() && it->second.contains({worker.name, worker.incarnation});
}

// Its own fault if it took too long; perhaps its worker's if it stood still.
void Scheduler::State::TimeOut(Step& step, TrialId trial) {
  const Lease lease = leases.at(trial);
  const SweepOptions& limits = sweeps.at(lease.charged_to).options;
  const bool late = limits.time_limit > Duration::zero() &&
                    step.now >= lease.started + limits.time_limit;
  const std::string why = late ? "ran longer than time_limit, " + Seconds(limits.time_limit)
                               : "reported no new step for idle_limit, " +
                                     Seconds(limits.idle_limit);
  GiveUp(step, trial, AttemptState::kLost, FailureReason::kTimeout, why);
  Move(step, trial, TrialState::kFailed, FailureReason::kTimeout, why);
  if (late) return;
  Worker& worker = workers[lease.worker];
  worker.suspects.push_back({{trial, lease.number}, false});
  Distrust(step, worker, trial, FailureReason::kTimeout, why);
}

void Scheduler::State::Trust(Worker& worker) {
  worker.failures = 0;
  worker.suspects.clear();
}

// Counts a failure that may be the worker's fault. Returns whether it is now quarantined.
bool Scheduler::State::Distrust(Step& step, Worker& worker, TrialId trial, FailureReason reason,
                                const std::string& message) {
  if (worker.quarantined_until) return true;
  if (++worker.failures < options.quarantine_after) return false;
  const bool alone = std::ranges::none_of(workers, [&](const Worker& other) {
    return other.number != worker.number && other.state == WorkerState::kOnline && other.slots > 0;
  });
  if (alone) return false;
  worker.distrust = std::to_string(worker.failures) +
                    " attempts in a row went wrong on it; the last, of trial " +
                    std::to_string(trial) + ", " + Deed(reason) +
                    (message.empty() ? "" : ": " + message);
  Quarantine(step, worker);
  return true;
}

void Scheduler::State::Quarantine(Step& step, Worker& worker) {
  worker.quarantined_until = step.now + options.quarantine;
  timers.Set({*worker.quarantined_until, TimerKind::kQuarantine, worker.number});
  SetState(step, worker, WorkerState::kQuarantined);
  for (const auto& [attempt, charged] : std::exchange(worker.suspects, {})) {
    const TrialId id = attempt.trial;
    Trial* trial = FindTrial(id);
    if (trial == nullptr) continue;
    const bool open = trial->state == TrialState::kQueued || trial->state == TrialState::kRunning;
    const bool failed_by_it =
        trial->state == TrialState::kFailed && trial->attempts == attempt.number && Wanted(id);
    if (charged && trial->charged > 0 && (open || failed_by_it)) {
      --trial->charged;
      if (open) step.effects.push_back(TrialChanged{id, trial->state, {}, {}, trial->charged});
    }
    if (failed_by_it) Requeue(step, id, options.backoff);
  }
  const std::set<TrialId> attempts = worker.attempts;
  for (const TrialId id : attempts) {
    GiveUp(step, id, AttemptState::kCancelled, {}, "worker " + worker.name + " is quarantined");
    if (!On(Mechanism::kUncharged)) {
      Charge(step, id, FailureReason::kLost, {});
      continue;
    }
    Requeue(step, id, Duration::zero());
  }
}

}  // namespace sparsweep
