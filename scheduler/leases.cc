// How attempts begin and end.
//
// The first success of an attempt that was leased to the reporting worker is accepted, whatever
// became of the attempt since; a later one is a replicate. So is one leased before the trial's
// results were invalidated, and it is marked stale. What a failure means is in failures.cc.
#include <algorithm>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {

Lease& Scheduler::State::AddLease(TrialId trial, Lease added) {
  Worker& worker = workers[added.worker];
  if (const auto it = sweeps.find(added.charged_to); it != sweeps.end()) {
    Sweep& sweep = it->second;
    added.group = sweep.group;
    ++sweep.running;
    if (sweep.options.max_running > 0) OpenLane(it->first, sweep);
  }
  Lease& lease = leases[trial] = added;
  timers.Set({lease.deadline, TimerKind::kLease, trial});
  SetLimit(lease, trial);
  const Needs& needs = groups[lease.group].needs;
  worker.attempts.insert(trial);
  worker.exclusive += needs.exclusive;
  worker.memory_used += needs.memory_bytes;
  if (worker.reserved == trial) Unreserve(trial);
  UpdateFree(worker);
  return lease;
}

Lease Scheduler::State::Release(TrialId trial) {
  const Lease lease = leases.extract(trial).mapped();
  timers.Clear({lease.deadline, TimerKind::kLease, trial});
  if (lease.limit) timers.Clear({*lease.limit, TimerKind::kLimit, trial});
  if (const auto it = sweeps.find(lease.charged_to); it != sweeps.end()) {
    Sweep& sweep = it->second;
    --sweep.running;
    if (sweep.options.max_running > 0) OpenLane(it->first, sweep);
  }
  Worker& worker = workers[lease.worker];
  const Needs& needs = groups[lease.group].needs;
  worker.attempts.erase(trial);
  worker.exclusive -= needs.exclusive;
  worker.memory_used -= needs.memory_bytes;
  UpdateFree(worker);
  return lease;
}

void Scheduler::State::Grant(Step& step, Worker& worker, const AttemptId& id, SweepId charged_to,
                             std::optional<Instant> started) {
  Trial& trial = trials[id.trial];
  trial.attempts = std::max(trial.attempts, id.number);
  Lease lease;
  lease.number = id.number;
  lease.worker = worker.number;
  lease.charged_to = charged_to;
  lease.deadline = step.now + options.lease;
  lease.started = started.value_or(step.now);
  lease.progressed = step.now;
  lease.sequence = worker.sequence;
  AddLease(id.trial, lease);
  step.effects.push_back(AttemptLeased{id, worker.name, worker.incarnation, charged_to});
  Move(step, id.trial, TrialState::kRunning);
}

void Scheduler::State::Renew(Lease& lease, TrialId trial, Instant now) {
  timers.Clear({lease.deadline, TimerKind::kLease, trial});
  lease.deadline = now + options.lease;
  timers.Set({lease.deadline, TimerKind::kLease, trial});
}

void Scheduler::State::Progress(Lease& lease, TrialId trial, int64_t at, Instant now) {
  if (at <= lease.step && On(Mechanism::kProgress)) return;
  lease.step = at;
  lease.progressed = now;
  SetLimit(lease, trial);
}

void Scheduler::State::SetLimit(Lease& lease, TrialId trial) {
  if (lease.limit) timers.Clear({*lease.limit, TimerKind::kLimit, trial});
  lease.limit.reset();
  const auto sweep = sweeps.find(lease.charged_to);
  if (sweep == sweeps.end()) return;
  const auto [time, idle] = std::pair(sweep->second.options.time_limit,
                                      sweep->second.options.idle_limit);
  if (time > Duration::zero()) lease.limit = lease.started + time;
  if (idle > Duration::zero()) {
    const Instant at = lease.progressed + idle;
    lease.limit = lease.limit ? std::min(*lease.limit, at) : at;
  }
  if (lease.limit) timers.Set({*lease.limit, TimerKind::kLimit, trial});
}

SweepId Scheduler::State::ChargeTo(TrialId trial, SweepId first) const {
  if (sweeps.contains(first) && Wants(first, trial)) return first;
  for (const Interest& interest : trials[trial].interests) {
    if (Wants(interest.sweep, trial)) return interest.sweep;
  }
  return first;
}

// The scheduler ends a live attempt itself; what follows for the trial is the caller's.
void Scheduler::State::GiveUp(Step& step, TrialId trial, AttemptState state,
                              std::optional<FailureReason> reason, const std::string& why) {
  const Lease lease = Release(trial);
  const AttemptId id{trial, lease.number};
  const std::string& worker = workers[lease.worker].name;
  const bool charged = reason == FailureReason::kLost || reason == FailureReason::kCrashed;
  const bool beyond = reason == FailureReason::kTimeout;
  unsettled[id] = {worker, lease.charged_to, charged, beyond, lease.started};
  step.effects.push_back(AttemptEnded{id, state, reason, why, {}, {}, worker});
}

// Returns whether the worker may forget the report.
bool Scheduler::State::TakeEnded(Step& step, Worker& worker, EndedAttempt report) {
  const AttemptId id = report.attempt;
  const Trial* trial = FindTrial(id.trial);
  if (trial == nullptr) {  // deleted since, or never there
    return id.trial > 0 && id.trial < static_cast<TrialId>(trials.size());
  }
  if (id.number < 1 || id.number > trial->attempts) return false;
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
  Trust(worker);
  unsettled.erase(id);
  AttemptEnded ended{id,         AttemptState::kSucceeded,   {},
                     {},         std::move(report.log_blob), std::move(report.result_json),
                     worker.name};
  ended.head = std::move(report.head);
  const auto fence = fences.find(id.trial);
  ended.stale = fence != fences.end() && id.number <= fence->second;
  const bool second = trials[id.trial].state == TrialState::kSucceeded;
  if (ended.stale || (second && On(Mechanism::kAcceptOnce))) {
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

}  // namespace sparsweep
