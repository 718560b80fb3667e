// Trials change state here and nowhere else: the ledger and the lanes of the queue follow.
#include "scheduler/state.h"

#include <cstdio>
#include <utility>

#include "scheduler/mechanism.h"

namespace sparsweep {
namespace {

std::string WhyFailed(const Coverage& coverage) {
  const std::string of = " of " + std::to_string(coverage.trials) + " trials ";
  if (coverage.failed == 0) return std::to_string(coverage.cancelled) + of + "were cancelled";
  std::string why = std::to_string(coverage.failed) + of + "failed";
  if (coverage.cancelled > 0) why += ", " + std::to_string(coverage.cancelled) + " were cancelled";
  return why;
}

}  // namespace

Trial* Scheduler::State::FindTrial(TrialId id) {
  if (id <= 0 || id >= static_cast<TrialId>(trials.size()) || !trials[id].exists) return nullptr;
  return &trials[id];
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
  std::vector<TrialState> seen;
  for (const Interest& interest : trial.interests) seen.push_back(SeenBy(interest.sweep, id));
  trial.state = to;
  trial.reason = reason;
  for (size_t i = 0; i < seen.size(); ++i) {
    const SweepId sweep = trial.interests[i].sweep;
    Coverage& coverage = sweeps.at(sweep).coverage;
    if (On(Mechanism::kLedger) || to != TrialState::kFailed) {
      Count(coverage, seen[i], -1);
      Count(coverage, SeenBy(sweep, id), 1);
    }
    step.touched.insert(sweep);
    if (to == TrialState::kFailed) step.failed.insert(sweep);
  }
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
    if (InLane(interest.sweep, id)) queue.Add(interest.sweep, interest.place, id);
  }
}

void Scheduler::State::Dequeue(TrialId id) {
  Unreserve(id);
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

// When all that the event meant for trials has happened, and before any is leased for it: what stops
// itself by this event is not handed out any more.
void Scheduler::State::StopFailing(Step& step) {
  if (std::exchange(step.fewer_fit, false)) FailRefused(step);
  for (const SweepId id : std::exchange(step.failed, {})) {
    if (const auto it = sweeps.find(id); it != sweeps.end()) {
      StopIfTooManyFailed(step, id, it->second);
    }
  }
}

// The last thing in every Apply.
void Scheduler::State::SettleSweeps(Step& step) {
  StopFailing(step);
  if (!step.regrouped.empty()) {
    for (const auto& [id, sweep] : sweeps) {
      if (step.regrouped.contains(sweep.group)) step.touched.insert(id);
    }
  }
  for (const SweepId id : step.touched) {
    const auto it = sweeps.find(id);
    if (it == sweeps.end()) continue;
    Sweep& sweep = it->second;
    const SweepState now = StateNow(sweep);
    const bool reopened = std::exchange(sweep.reopened, false);
    // What finished with other numbers is told again: a failed trial may succeed late.
    const bool over = now == SweepState::kSucceeded || now == SweepState::kFailed;
    const bool recounted = over && !sweep.closed && sweep.coverage != sweep.told;
    if (now != sweep.state || reopened || recounted) {
      sweep.told = sweep.coverage;
      sweep.state = now;
      std::string message;
      if (now == SweepState::kFailed) message = WhyFailed(sweep.coverage);
      if (now == SweepState::kSucceeded || now == SweepState::kFailed) sweep.paused = false;
      OpenLane(id, sweep);
      step.effects.push_back(SweepChanged{id, now, std::move(message)});
    }
    if (std::string waiting_for = WaitingFor(sweep); waiting_for != sweep.waiting_for) {
      sweep.waiting_for = waiting_for;
      step.effects.push_back(SweepWaiting{id, std::move(waiting_for)});
    }
  }
}

// Looked at when a trial of it fails, not otherwise: after a person retried some of its trials it
// goes on until the next one fails.
void Scheduler::State::StopIfTooManyFailed(Step& step, SweepId id, Sweep& sweep) {
  const Coverage& coverage = sweep.coverage;
  const double share = sweep.options.max_failed_share;
  const bool over = sweep.closed || (sweep.expanded && coverage.queued + coverage.running == 0);
  if (over || share >= 1 || coverage.failed < options.min_failed) return;
  const int64_t ended = coverage.failed + coverage.succeeded;
  if (static_cast<double>(coverage.failed) <= share * static_cast<double>(ended)) return;
  if (!On(Mechanism::kStopFailing)) return;
  char limit[32];
  std::snprintf(limit, sizeof limit, "%g", share);
  std::string message = "stopped: " + std::to_string(coverage.failed) + " of the " +
                        std::to_string(ended) +
                        " trials that ended have failed, more than max_failed_share " + limit +
                        "; mend the cause, then retry the sweep";
  Close(step, id, sweep, SweepState::kFailed);
  step.effects.push_back(SweepChanged{id, sweep.state, std::move(message), true});
}

void Scheduler::State::OpenLane(SweepId id, const Sweep& sweep) {
  const SweepOptions& o = sweep.options;
  const bool full = o.max_running > 0 && sweep.running >= o.max_running &&
                    On(Mechanism::kMaxRunning);
  if (sweep.closed || (sweep.paused && On(Mechanism::kPause)) || full) {
    queue.Close(id);
  } else {
    queue.Open(id, {o.priority, o.weight, sweep.group});
  }
}

}  // namespace sparsweep
