// What people ask of trials, results and workers.
#include <algorithm>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {
namespace {

bool Ended(TrialState state) {
  return state == TrialState::kSucceeded || state == TrialState::kFailed;
}

Status Impossible(TrialId id, const char* what) {
  return {StatusCode::kFailedPrecondition, "trial " + std::to_string(id) + " " + what};
}

}  // namespace

Status Scheduler::State::CheckTrials(SweepId sweep, const TrialChoice& chosen) const {
  if (!chosen) return {};
  for (const TrialId id : *chosen) {
    const bool known = id > 0 && id < static_cast<TrialId>(trials.size());
    if (known && InterestOf(sweep, id) != nullptr) continue;
    return {StatusCode::kNotFound, "trial " + std::to_string(id) + " is not one of sweep " +
                                       std::to_string(sweep) + "; list the trials it has"};
  }
  return {};
}

Result<Trial*> Scheduler::State::TrialNamed(TrialId id) {
  if (Trial* trial = FindTrial(id)) return trial;
  return Status(StatusCode::kNotFound,
                "there is no trial " + std::to_string(id) + "; list the trials there are");
}

void Scheduler::State::DropTrial(Step& step, SweepId sweep, TrialId id) {
  if (Ended(trials[id].state)) return;
  SetWish(step, sweep, id, Wish::kDropped);
  StopUnwanted(step, id, "cancelled");
}

void Scheduler::State::PauseOne(Step& step, SweepId sweep, TrialId id) {
  const TrialState seen = SeenBy(sweep, id);
  if (seen != TrialState::kQueued && seen != TrialState::kRunning) return;
  SetWish(step, sweep, id, Wish::kPaused);
}

void Scheduler::State::ResumeOne(Step& step, SweepId sweep, TrialId id) {
  if (WishOf(sweep, id) == Wish::kPaused) SetWish(step, sweep, id, Wish::kWanted);
}

void Scheduler::State::RetryOne(Step& step, TrialId id) {
  Trial& trial = trials[id];
  if (trial.state != TrialState::kFailed && trial.state != TrialState::kCancelled) return;
  trial.charged = 0;
  Move(step, id, TrialState::kQueued);
}

Status Scheduler::State::Retry(Step& step, const SweepRetryRequested& event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (Status status = CheckTrials(event.sweep, event.trials); !status.ok()) return status;
  if (sweep.state == SweepState::kCancelled) {
    return {StatusCode::kFailedPrecondition,
            "sweep " + std::to_string(event.sweep) + " is cancelled; submit it again"};
  }
  if (sweep.closed) Reopen(step, event.sweep, sweep);
  for (const TrialId id : event.trials ? *event.trials : sweep.trials) {
    const Trial& trial = trials[id];
    const bool matches =
        event.reasons.empty() ||
        (trial.reason && std::ranges::find(event.reasons, *trial.reason) != event.reasons.end());
    if (!matches) continue;
    const bool dropped = WishOf(event.sweep, id) == Wish::kDropped;
    if (event.trials && dropped) SetWish(step, event.sweep, id, Wish::kWanted);
    if (Wants(event.sweep, id)) RetryOne(step, id);
  }
  step.touched.insert(event.sweep);
  return {};
}

Status Scheduler::State::CancelTrial(Step& step, const TrialCancelRequested& event) {
  const Result<Trial*> trial = TrialNamed(event.trial);
  if (!trial.ok()) return trial.status();
  if (Ended((*trial)->state)) return Impossible(event.trial, "has ended and cannot be cancelled");
  for (const Interest& interest : (*trial)->interests) DropTrial(step, interest.sweep, event.trial);
  return {};
}

Status Scheduler::State::PauseTrial(Step& step, const TrialPauseRequested& event) {
  const Result<Trial*> trial = TrialNamed(event.trial);
  if (!trial.ok()) return trial.status();
  if (Ended((*trial)->state)) return Impossible(event.trial, "has ended and cannot be paused");
  for (const Interest& interest : (*trial)->interests) PauseOne(step, interest.sweep, event.trial);
  return {};
}

Status Scheduler::State::ResumeTrial(Step& step, const TrialResumeRequested& event) {
  const Result<Trial*> trial = TrialNamed(event.trial);
  if (!trial.ok()) return trial.status();
  for (const Interest& interest : (*trial)->interests) ResumeOne(step, interest.sweep, event.trial);
  return {};
}

Status Scheduler::State::RetryTrial(Step& step, const TrialRetryRequested& event) {
  const Result<Trial*> trial = TrialNamed(event.trial);
  if (!trial.ok()) return trial.status();
  if ((*trial)->state == TrialState::kSucceeded) {
    return Impossible(event.trial, "has a result; invalidate the result to run it again");
  }
  const auto open = [&](const Interest& i) { return !sweeps.at(i.sweep).closed; };
  if (std::ranges::none_of((*trial)->interests, open)) {
    return Impossible(event.trial, "is in no open sweep; retry its sweep or submit one");
  }
  for (const Interest& interest : (*trial)->interests) {
    if (open(interest) && WishOf(interest.sweep, event.trial) == Wish::kDropped) {
      SetWish(step, interest.sweep, event.trial, Wish::kWanted);
    }
  }
  RetryOne(step, event.trial);
  return {};
}

Status Scheduler::State::Invalidate(Step& step, const ResultsInvalidated& event) {
  for (const TrialId id : event.trials) {
    Trial* trial = FindTrial(id);
    if (trial == nullptr || trial->state != TrialState::kSucceeded) continue;
    trial->charged = 0;
    if (On(Mechanism::kFenceStale)) fences[id] = trial->attempts;
    step.effects.push_back(ResultInvalidated{id, trial->attempts, event.why});
    Move(step, id, Wanted(id) ? TrialState::kQueued : TrialState::kCancelled, {}, event.why);
  }
  return {};
}

Status Scheduler::State::Drain(Step& step, const WorkerDrainRequested& event) {
  const auto known = worker_numbers.find(event.worker);
  if (known == worker_numbers.end()) {
    return {StatusCode::kNotFound,
            "there is no worker \"" + event.worker + "\"; list the workers there are"};
  }
  Worker& worker = workers[known->second];
  if (worker.drain_requested == event.drain) return {};
  const bool away = worker.state == WorkerState::kLost || worker.state == WorkerState::kLeft;
  if (away && event.drain) {
    return {StatusCode::kFailedPrecondition,
            "worker \"" + event.worker + "\" is not connected; there is nothing to drain"};
  }
  worker.drain_requested = event.drain;
  SetState(step, worker, away ? worker.state : PresentState(worker), true);
  return {};
}

}  // namespace sparsweep
