// Trials change state here and nowhere else: the ledger and the lanes of the queue follow.
#include "scheduler/state.h"

#include "scheduler/mechanism.h"

namespace sparsweep {

Trial* Scheduler::State::FindTrial(TrialId id) {
  if (id <= 0 || id >= static_cast<TrialId>(trials.size()) || !trials[id].exists) return nullptr;
  return &trials[id];
}

TrialId Scheduler::State::AddTrial(const Digest& identity) {
  if (trials.empty()) trials.emplace_back();
  const TrialId id = static_cast<TrialId>(trials.size());
  Trial& trial = trials.emplace_back();
  trial.identity = identity;
  trial.exists = true;
  by_identity.Add(id);
  return id;
}

bool Scheduler::State::Wanted(const Trial& trial) const {
  for (const Interest& interest : trial.interests) {
    if (!sweeps.at(interest.sweep).closed) return true;
  }
  return false;
}

void Scheduler::State::Count(Coverage& coverage, TrialState state, int64_t by) {
  switch (state) {
    case TrialState::kQueued:
      coverage.queued += by;
      break;
    case TrialState::kRunning:
      coverage.running += by;
      break;
    case TrialState::kSucceeded:
      coverage.succeeded += by;
      break;
    case TrialState::kFailed:
      coverage.failed += by;
      break;
    case TrialState::kCancelled:
      coverage.cancelled += by;
      break;
  }
}

void Scheduler::State::Move(Step& step, TrialId id, TrialState to,
                            std::optional<FailureReason> reason, std::string message) {
  Trial& trial = trials[id];
  if (trial.state == TrialState::kQueued) Dequeue(id);
  for (const Interest& interest : trial.interests) {
    Sweep& sweep = sweeps.at(interest.sweep);
    if (On(Mechanism::kLedger) || to != TrialState::kFailed) {
      Count(sweep.coverage, trial.state, -1);
      Count(sweep.coverage, to, 1);
    }
    step.touched.insert(interest.sweep);
  }
  trial.state = to;
  if (to == TrialState::kQueued && !waiting.contains(id)) Enqueue(id);
  if (to == TrialState::kSucceeded || to == TrialState::kFailed) refused.erase(id);
  step.effects.push_back(TrialChanged{id, to, reason, std::move(message), trial.charged});
}

void Scheduler::State::Requeue(Step& step, TrialId id, Duration pause) {
  if (pause > Duration::zero()) {
    waiting[id] = step.now + pause;
    timers.Set({step.now + pause, TimerKind::kBackoff, id});
  }
  Move(step, id, TrialState::kQueued);
}

void Scheduler::State::Enqueue(TrialId id) {
  for (const Interest& interest : trials[id].interests) {
    if (!sweeps.at(interest.sweep).closed) queue.Add(interest.sweep, interest.place, id);
  }
}

void Scheduler::State::Dequeue(TrialId id) {
  if (auto it = waiting.find(id); it != waiting.end()) {
    timers.Clear({it->second, TimerKind::kBackoff, id});
    waiting.erase(it);
    return;
  }
  for (const Interest& interest : trials[id].interests) {
    queue.Remove(interest.sweep, interest.place, id);
  }
}

// A sweep's state follows from its ledger: it finishes with its last trial and is open again as
// soon as one of its trials is.
SweepState Scheduler::State::StateNow(const Sweep& sweep) const {
  if (sweep.closed) return sweep.state;
  const Coverage& coverage = sweep.coverage;
  if (sweep.expanded && coverage.queued + coverage.running == 0) {
    return coverage.failed + coverage.cancelled > 0 ? SweepState::kFailed : SweepState::kSucceeded;
  }
  if (sweep.paused) return SweepState::kPaused;
  return sweep.expanded ? SweepState::kRunning : SweepState::kExpanding;
}

void Scheduler::State::SettleSweeps(Step& step) {
  for (SweepId id : step.touched) {
    Sweep& sweep = sweeps.at(id);
    const SweepState now = StateNow(sweep);
    if (now == sweep.state) continue;
    sweep.state = now;
    std::string message;
    if (now == SweepState::kFailed) {
      message = std::to_string(sweep.coverage.failed) + " of " +
                std::to_string(sweep.coverage.trials) + " trials failed";
    }
    if (now == SweepState::kSucceeded || now == SweepState::kFailed) sweep.paused = false;
    OpenLane(id, sweep);
    step.effects.push_back(SweepChanged{id, now, std::move(message)});
  }
  step.touched.clear();
}

void Scheduler::State::OpenLane(SweepId id, const Sweep& sweep) {
  if (sweep.closed || sweep.paused) {
    queue.Close(id);
  } else {
    queue.Open(id, sweep.options.priority);
  }
}

}  // namespace sparsweep
