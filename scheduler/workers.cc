// When a worker is online, draining, lost or quarantined, and what that means for its attempts.
#include <algorithm>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {
const char* records::NameOf(WorkerState state) {
  switch (state) {
    case WorkerState::kOnline:
      return "online";
    case WorkerState::kDraining:
      return "draining";
    case WorkerState::kLost:
      return "lost";
    case WorkerState::kLeft:
      return "left";
    case WorkerState::kQuarantined:
      return "quarantined";
  }
  return "";
}

Worker& Scheduler::State::WorkerNamed(const std::string& name) {
  const auto [it, is_new] = worker_numbers.emplace(name, static_cast<int>(workers.size()));
  if (is_new) {
    Worker& worker = workers.emplace_back();
    worker.number = it->second;
    worker.name = name;
  }
  return workers[it->second];
}

const Worker* Scheduler::State::FindWorker(const std::string& name) const {
  const auto it = worker_numbers.find(name);
  return it == worker_numbers.end() ? nullptr : &workers[it->second];
}

void Scheduler::State::Heard(Worker& worker, Instant now) {
  timers.Clear({worker.contact, TimerKind::kContact, worker.number});
  worker.contact = now + options.lease;
  timers.Set({worker.contact, TimerKind::kContact, worker.number});
}

WorkerState Scheduler::State::PresentState(const Worker& worker) const {
  if (worker.quarantined_until) return WorkerState::kQuarantined;
  const bool draining = worker.draining || worker.drain_requested;
  return draining ? WorkerState::kDraining : WorkerState::kOnline;
}

void Scheduler::State::SetState(Step& step, Worker& worker, WorkerState state, bool tell) {
  tell |= worker.state != state;
  worker.state = state;
  UpdateFits(step, worker);
  UpdateFree(worker);
  if (!tell) return;
  step.effects.push_back(WorkerChanged{worker.name, worker.incarnation, NameOf(state),
                                       worker.slots, worker.labels_json, worker.offer,
                                       worker.drain_requested});
}

int Scheduler::State::FreeSlots(const Worker& worker) const {
  if (worker.state != WorkerState::kOnline) return 0;
  if (worker.exclusive > 0 && On(Mechanism::kRoom)) return 0;
  return worker.slots - static_cast<int>(worker.attempts.size()) - worker.strays;
}

void Scheduler::State::UpdateFree(const Worker& worker) {
  if (FreeSlots(worker) > 0) {
    free.insert(worker.number);
  } else {
    free.erase(worker.number);
  }
}

void Scheduler::State::LetTimePass(Step& step) {
  while (const std::optional<Timer> timer = timers.PopDue(step.now)) {
    switch (timer->kind) {
      case TimerKind::kLease: {
        if (!On(Mechanism::kLapse)) break;
        const std::string why =
            "worker " + workers[leases.at(timer->id).worker].name + " did not report it in time";
        GiveUp(step, timer->id, AttemptState::kLost, FailureReason::kLost, why);
        Charge(step, timer->id, FailureReason::kLost, why);
        break;
      }
      case TimerKind::kLimit:
        if (On(Mechanism::kLimits)) TimeOut(step, timer->id);
        break;
      case TimerKind::kContact: {
        Worker& worker = workers[timer->id];
        if (On(Mechanism::kLapse)) LoseAttempts(step, worker, "was not heard of in time");
        SetState(step, worker, WorkerState::kLost);
        break;
      }
      case TimerKind::kBackoff:
        if (!On(Mechanism::kBackOff)) break;
        waiting.erase(timer->id);
        Enqueue(timer->id);
        break;
      case TimerKind::kQuarantine: {
        Worker& worker = workers[timer->id];
        worker.quarantined_until.reset();
        worker.failures = options.quarantine_after - 1;  // on probation
        if (worker.state == WorkerState::kQuarantined) SetState(step, worker, PresentState(worker));
        break;
      }
    }
  }
}

void Scheduler::State::LoseAttempts(Step& step, Worker& worker, const std::string& what) {
  const std::set<TrialId> attempts = worker.attempts;
  for (TrialId trial : attempts) {
    const std::string why = "worker " + worker.name + " " + what;
    GiveUp(step, trial, AttemptState::kLost, FailureReason::kLost, why);
    Charge(step, trial, FailureReason::kLost, why);
  }
  worker.strays = 0;
}

}  // namespace sparsweep
