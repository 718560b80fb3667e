// What people ask of sweeps. Every request is checked before anything changes.
#include "scheduler/state.h"

namespace sparsweep {
namespace {

Status Impossible(SweepId id, const char* what) {
  return {StatusCode::kFailedPrecondition, "sweep " + std::to_string(id) + " " + what};
}

bool Finished(const Sweep& sweep) {
  return sweep.state == SweepState::kSucceeded || sweep.state == SweepState::kFailed;
}

}  // namespace

Result<Sweep*> Scheduler::State::FindSweep(SweepId id) {
  const auto it = sweeps.find(id);
  if (it == sweeps.end()) {
    return Status(StatusCode::kNotFound,
                  "there is no sweep " + std::to_string(id) + "; list the sweeps there are");
  }
  return &it->second;
}

Status Scheduler::State::Submit(Step& step, SweepSubmitted event) {
  const SweepId id = next_sweep++;
  Sweep& sweep = sweeps[id];
  sweep.options = event.options;
  OpenLane(id, sweep);
  step.effects.push_back(SweepCreated{id, std::move(event)});
  return {};
}

Status Scheduler::State::Expand(Step& step, CellsExpanded event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.closed) return Impossible(event.sweep, "is closed and takes no more cells");
  if (sweep.expanded) return Impossible(event.sweep, "is expanded already");
  for (const ExpandedCell& cell : event.cells) {
    for (const ExpandedTrial& trial : cell.trials) {
      if (ParseDigest(trial.identity)) continue;
      return InvalidArgument("cell " + std::to_string(cell.index) + ": identity \"" +
                             trial.identity + "\" is not 64 lower-case hex digits");
    }
  }
  std::vector<TrialId> queue_again;
  for (ExpandedCell& cell : event.cells) {
    CellAdded added{event.sweep, {}, {}};
    added.trials.reserve(cell.trials.size());
    for (ExpandedTrial& trial : cell.trials) {
      const Place place{cell.index, trial.seed_rank, cell.is_baseline};
      added.trials.push_back(Join(event.sweep, place, std::move(trial), queue_again));
    }
    sweep.coverage.cells += 1;
    sweep.coverage.aliases += cell.alias_of.has_value();
    cell.trials.clear();
    added.cell = std::move(cell);
    step.effects.push_back(std::move(added));
  }
  for (TrialId id : queue_again) {
    if (trials[id].state == TrialState::kCancelled) Move(step, id, TrialState::kQueued);
  }
  sweep.next_index = event.next_index;
  sweep.expanded = event.last;
  step.touched.insert(event.sweep);
  step.effects.push_back(ExpansionAdvanced{event.sweep, event.next_index, event.last});
  return {};
}

// A trial is known by its identity; the sweep's interest in it is kept at the best of its places.
CellTrial Scheduler::State::Join(SweepId sweep_id, const Place& place, ExpandedTrial spec,
                                 std::vector<TrialId>& queue_again) {
  const Digest identity = *ParseDigest(spec.identity);
  const std::optional<TrialId> known = by_identity.Find(identity);
  const bool created = !known;
  const TrialId id = created ? AddTrial(identity) : *known;
  Trial& trial = trials[id];
  if (trial.state == TrialState::kCancelled) queue_again.push_back(id);
  const bool in_lane = trial.state == TrialState::kQueued && !waiting.contains(id);

  Interest* interest = nullptr;
  for (Interest& i : trial.interests) {
    if (i.sweep == sweep_id) interest = &i;
  }
  if (interest == nullptr) {
    Sweep& sweep = sweeps.at(sweep_id);
    sweep.trials.push_back(id);
    sweep.coverage.trials += 1;
    Count(sweep.coverage, trial.state, 1);
    trial.interests.push_back({sweep_id, place});
    if (in_lane) queue.Add(sweep_id, place, id);
  } else if (place < interest->place) {
    if (in_lane) {
      queue.Remove(sweep_id, interest->place, id);
      queue.Add(sweep_id, place, id);
    }
    interest->place = place;
  }
  return {id, created, std::move(spec)};
}

Status Scheduler::State::FailExpansion(Step& step, ExpansionFailed event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.closed || sweep.expanded) return Impossible(event.sweep, "is not expanding");
  DropInterest(step, sweep, "the sweep could not be expanded");
  sweep.state = SweepState::kFailed;
  OpenLane(event.sweep, sweep);
  step.effects.push_back(SweepChanged{event.sweep, sweep.state, std::move(event.message)});
  return {};
}

Status Scheduler::State::Cancel(Step& step, SweepCancelRequested event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.state == SweepState::kCancelled) return {};
  if (Finished(sweep)) return Impossible(event.sweep, "is finished, there is nothing to cancel");
  DropInterest(step, sweep, "cancelled with its sweep");
  sweep.state = SweepState::kCancelled;
  OpenLane(event.sweep, sweep);
  step.effects.push_back(SweepChanged{event.sweep, sweep.state, {}});
  return {};
}

// Closes the sweep; trials that no other sweep wants are cancelled.
void Scheduler::State::DropInterest(Step& step, Sweep& sweep, const std::string& why) {
  sweep.closed = true;
  sweep.paused = false;
  for (TrialId id : sweep.trials) {
    const Trial& trial = trials[id];
    const bool open = trial.state == TrialState::kQueued || trial.state == TrialState::kRunning;
    if (!open) continue;
    if (Wanted(trial)) {
      for (const Interest& interest : trial.interests) {
        if (&sweeps.at(interest.sweep) != &sweep) continue;
        queue.Remove(interest.sweep, interest.place, id);
      }
      continue;
    }
    if (trial.state == TrialState::kRunning) GiveUp(step, id, AttemptState::kCancelled, {}, why);
    Move(step, id, TrialState::kCancelled, {}, why);
  }
}

Status Scheduler::State::Pause(Step& step, SweepPauseRequested event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.closed || Finished(sweep))
    return Impossible(event.sweep, "is over and cannot be paused");
  sweep.paused = true;
  step.touched.insert(event.sweep);
  return {};
}

Status Scheduler::State::Resume(Step& step, SweepResumeRequested event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.closed || Finished(sweep)) {
    return Impossible(event.sweep, "is over and cannot be resumed; retry or submit it again");
  }
  sweep.paused = false;
  step.touched.insert(event.sweep);
  return {};
}

// A sweep whose expansion failed goes on expanding from next_index.
Status Scheduler::State::Retry(Step& step, SweepRetryRequested event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.state == SweepState::kCancelled) {
    return Impossible(event.sweep, "is cancelled; submit it again");
  }
  if (sweep.closed) {
    sweep.closed = false;
    OpenLane(event.sweep, sweep);
    for (TrialId id : sweep.trials) {
      const TrialState state = trials[id].state;
      if (state == TrialState::kQueued && !waiting.contains(id)) Enqueue(id);
      if (state == TrialState::kCancelled) Move(step, id, TrialState::kQueued);
    }
  }
  for (TrialId id : sweep.trials) {
    if (trials[id].state != TrialState::kFailed) continue;
    trials[id].charged = 0;
    Move(step, id, TrialState::kQueued);
  }
  step.touched.insert(event.sweep);
  return {};
}

}  // namespace sparsweep
