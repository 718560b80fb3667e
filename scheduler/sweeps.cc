// What people ask of sweeps. Every request is checked before anything changes.
#include <algorithm>

#include "scheduler/state.h"

namespace sparsweep {
namespace {

Status Impossible(SweepId id, const char* what) {
  return {StatusCode::kFailedPrecondition, "sweep " + std::to_string(id) + " " + what};
}

bool Finished(const Sweep& sweep) {
  return sweep.state == SweepState::kSucceeded || sweep.state == SweepState::kFailed;
}

Status Check(const SweepOptions& o) {
  if (!(o.weight >= 0.001 && o.weight <= 1000)) {
    return InvalidArgument("weight: " + std::to_string(o.weight) + " is not in 0.001 .. 1000");
  }
  if (o.priority < -1000 || o.priority > 1000) {
    return InvalidArgument("priority: " + std::to_string(o.priority) + " is not in -1000 .. 1000");
  }
  if (o.max_running < 0) {
    return InvalidArgument("max_running: " + std::to_string(o.max_running) +
                           " is negative; 0 means no limit");
  }
  if (!(o.max_failed_share >= 0 && o.max_failed_share <= 1)) {
    return InvalidArgument("max_failed_share: " + std::to_string(o.max_failed_share) +
                           " is not in 0 .. 1");
  }
  if (o.needs.memory_bytes < 0 || o.time_limit < Duration::zero() ||
      o.idle_limit < Duration::zero()) {
    return InvalidArgument("needs.memory, time_limit and idle_limit must not be negative");
  }
  return {};
}

}  // namespace

Result<Sweep*> Scheduler::State::FindSweep(SweepId id) {
  const auto it = sweeps.find(id);
  if (it == sweeps.end() || it->second.deleting) {
    return Status(StatusCode::kNotFound,
                  "there is no sweep " + std::to_string(id) + "; list the sweeps there are");
  }
  return &it->second;
}

Status Scheduler::State::Submit(Step& step, SweepSubmitted event) {
  if (Status status = Check(event.options); !status.ok()) return status;
  const SweepId id = next_sweep++;
  Sweep& sweep = sweeps[id];
  sweep.options = event.options;
  sweep.group = GroupOf(sweep.options.needs);
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
  std::vector<Digest> identities;  // of all trials, in order
  for (const ExpandedCell& cell : event.cells) {
    for (const ExpandedTrial& trial : cell.trials) {
      if (const auto identity = ParseDigest(trial.identity)) {
        identities.push_back(*identity);
        continue;
      }
      return InvalidArgument("cell " + std::to_string(cell.index) + ": identity \"" +
                             trial.identity + "\" is not 64 lower-case hex digits");
    }
  }
  auto identity = identities.begin();
  step.effects.reserve(event.cells.size() + 1);
  std::vector<TrialId> queue_again;
  for (ExpandedCell& cell : event.cells) {
    CellAdded added{event.sweep, {}, {}};
    added.trials.reserve(cell.trials.size());
    for (ExpandedTrial& trial : cell.trials) {
      const Place place{cell.index, trial.seed_rank, cell.is_baseline};
      added.trials.push_back(Join(event.sweep, place, *identity++, std::move(trial), queue_again));
    }
    sweep.coverage.cells += 1;
    sweep.coverage.aliases += cell.alias_of.has_value();
    cell.trials.clear();
    added.cell = std::move(cell);
    step.effects.push_back(std::move(added));
  }
  for (TrialId id : queue_again) {
    const bool again = trials[id].state == TrialState::kCancelled && Wants(event.sweep, id);
    if (again) Move(step, id, TrialState::kQueued);
  }
  sweep.next_index = event.next_index;
  sweep.expanded = event.last;
  step.touched.insert(event.sweep);
  step.effects.push_back(ExpansionAdvanced{event.sweep, event.next_index, event.last});
  return {};
}

// The sweep's interest in a trial is kept at the best of its places.
CellTrial Scheduler::State::Join(SweepId sweep_id, const Place& place, const Digest& identity,
                                 ExpandedTrial spec, std::vector<TrialId>& queue_again) {
  const std::optional<TrialId> newest = by_identity.Find(identity);
  const std::optional<TrialId> known = TrialFor(sweep_id, newest);
  const bool created = !known;
  const TrialId id = created ? AddTrial(identity, newest) : *known;
  Trial& trial = trials[id];
  if (trial.state == TrialState::kCancelled) queue_again.push_back(id);
  const bool ready = trial.state == TrialState::kQueued && !waiting.contains(id);

  if (const Interest* known_as = InterestOf(sweep_id, id); known_as == nullptr) {
    Sweep& sweep = sweeps.at(sweep_id);
    sweep.trials.push_back(id);
    sweep.coverage.trials += 1;
    Count(sweep.coverage, trial.state, 1);
    trial.interests.push_back({sweep_id, place});
    if (ready) queue.Add(sweep_id, place, id);
  } else if (place < known_as->place) {
    queue.Remove(sweep_id, known_as->place, id);
    for (Interest& interest : trial.interests) {
      if (interest.sweep == sweep_id) interest.place = place;
    }
    if (ready && InLane(sweep_id, id)) queue.Add(sweep_id, place, id);
  }
  return {id, created, std::move(spec), GenerationOf(id)};
}

Status Scheduler::State::FailExpansion(Step& step, ExpansionFailed event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (sweep.closed || sweep.expanded) return Impossible(event.sweep, "is not expanding");
  Close(step, event.sweep, sweep, SweepState::kFailed);
  step.touched.insert(event.sweep);
  step.effects.push_back(SweepChanged{event.sweep, sweep.state, std::move(event.message), true});
  return {};
}

Status Scheduler::State::Cancel(Step& step, const SweepCancelRequested& event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (event.trials) {
    if (Status status = CheckTrials(event.sweep, event.trials); !status.ok()) return status;
    for (const TrialId id : *event.trials) DropTrial(step, event.sweep, id);
    return {};
  }
  if (sweep.state == SweepState::kCancelled) return {};
  if (Finished(sweep)) return Impossible(event.sweep, "is finished, there is nothing to cancel");
  Close(step, event.sweep, sweep, SweepState::kCancelled);
  step.touched.insert(event.sweep);
  step.effects.push_back(SweepChanged{event.sweep, sweep.state, {}, true});
  return {};
}

Status Scheduler::State::Pause(Step& step, const SweepPauseRequested& event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (event.trials) {
    if (Status status = CheckTrials(event.sweep, event.trials); !status.ok()) return status;
    for (const TrialId id : *event.trials) PauseOne(step, event.sweep, id);
    return {};
  }
  if (sweep.closed || Finished(sweep)) {
    return Impossible(event.sweep, "is over and cannot be paused");
  }
  sweep.paused = true;
  step.touched.insert(event.sweep);
  return {};
}

// As a whole it lifts the pauses of its trials too.
Status Scheduler::State::Resume(Step& step, const SweepResumeRequested& event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  if (event.trials) {
    if (Status status = CheckTrials(event.sweep, event.trials); !status.ok()) return status;
    for (const TrialId id : *event.trials) ResumeOne(step, event.sweep, id);
    return {};
  }
  if (sweep.closed || Finished(sweep)) {
    return Impossible(event.sweep, "is over and cannot be resumed; retry or submit it again");
  }
  sweep.paused = false;
  std::vector<TrialId> paused;
  for (auto it = wishes.lower_bound({event.sweep, 0});
       it != wishes.end() && it->first.first == event.sweep; ++it) {
    if (it->second == Wish::kPaused) paused.push_back(it->first.second);
  }
  for (const TrialId id : paused) ResumeOne(step, event.sweep, id);
  step.touched.insert(event.sweep);
  return {};
}

Status Scheduler::State::Reprioritise(Step& step, const SweepReprioritised& event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  SweepOptions wanted = sweep.options;
  wanted.priority = event.priority.value_or(wanted.priority);
  wanted.weight = event.weight.value_or(wanted.weight);
  wanted.max_running = event.max_running.value_or(wanted.max_running);
  if (Status status = Check(wanted); !status.ok()) return status;
  if (wanted == sweep.options) return {};
  sweep.options = wanted;
  OpenLane(event.sweep, sweep);
  step.effects.push_back(SweepOptionsChanged{event.sweep, std::move(wanted)});
  return {};
}

}  // namespace sparsweep
