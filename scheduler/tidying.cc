// What a sweep leaves behind that was cancelled, stopped itself or was deleted, a little at a time: a
// grid has a million trials, and nobody waits for the last of them.
//
// What people see changes at once: the sweep wants nothing any more, its ledger says so, nothing of it
// is leased, and what ran for it alone is told to stop. Its queued trials become cancelled, or its
// rows go, in the order of its trials. The store knows how far that is: a queued trial that nobody
// wants, and the rows that are left.
#include <algorithm>

#include "scheduler/state.h"

namespace sparsweep {
namespace {

std::string WhyOver(const Sweep& sweep) {
  if (sweep.deleting) return "its sweep was deleted";
  if (sweep.state == SweepState::kCancelled) return "cancelled with its sweep";
  return sweep.expanded ? "its sweep stopped itself" : "its sweep ended before it was expanded";
}

}  // namespace

// The sweep's interest in all of its trials ends.
void Scheduler::State::Close(Step& step, SweepId id, Sweep& sweep, SweepState state) {
  sweep.paused = false;
  sweep.state = state;
  sweep.closed = true;
  sweep.tidied = 0;
  Coverage& coverage = sweep.coverage;
  coverage.cancelled += coverage.queued + coverage.running;
  coverage.queued = coverage.running = 0;
  OpenLane(id, sweep);
  std::vector<TrialId> running;
  for (const auto& [trial, lease] : leases) {
    if (InterestOf(id, trial) != nullptr) running.push_back(trial);
  }
  std::ranges::sort(running);
  for (const TrialId trial : running) StopUnwanted(step, trial, WhyOver(sweep));
  untidy.insert(id);
  if (!sweep.deleting) CancelQueued(step, id, sweep, options.tidied_at_once);
}

void Scheduler::State::Tidy(Step& step, int most) {
  while (most > 0 && !untidy.empty()) {
    const SweepId id = *untidy.begin();
    Sweep& sweep = sweeps.at(id);
    const int done = sweep.deleting ? Shrink(step, id, sweep, most)
                     : sweep.closed ? CancelQueued(step, id, sweep, most)
                                    : static_cast<int>(untidy.erase(id));
    most -= done;
  }
}

int Scheduler::State::CancelQueued(Step& step, SweepId id, Sweep& sweep, int most) {
  const std::string why = WhyOver(sweep);
  int done = 0;
  for (; done < most && sweep.tidied < sweep.trials.size(); ++done, ++sweep.tidied) {
    const TrialId trial = sweep.trials[sweep.tidied];
    if (trials[trial].state != TrialState::kQueued) continue;
    queue.Remove(id, InterestOf(id, trial)->place, trial);
    StopUnwanted(step, trial, why);
  }
  if (sweep.tidied == sweep.trials.size()) untidy.erase(id);
  return std::max(done, 1);
}

// Numbers of what is deleted are not given out again, so that a late report cannot hit another.
Status Scheduler::State::Delete(Step& step, const SweepDeleteRequested& event) {
  const Result<Sweep*> found = FindSweep(event.sweep);
  if (!found.ok()) return found.status();
  Sweep& sweep = **found;
  sweep.deleting = true;
  Close(step, event.sweep, sweep, sweep.state);
  step.touched.insert(event.sweep);  // it waits for nothing any more
  std::vector<TrialId> charged;
  for (const auto& [trial, lease] : leases) {
    if (lease.charged_to == event.sweep) charged.push_back(trial);
  }
  std::ranges::sort(charged);
  for (const TrialId id : charged) {  // another sweep wants it, and pays from now on
    Lease lease = Release(id);
    lease.charged_to = ChargeTo(id, 0);
    const Worker& worker = workers[lease.worker];
    step.effects.push_back(
        AttemptLeased{{id, lease.number}, worker.name, worker.incarnation, lease.charged_to});
    AddLease(id, lease);
  }
  const auto next_trial = std::max<TrialId>(1, static_cast<TrialId>(trials.size()));
  step.effects.push_back(SweepDeletionBegun{event.sweep, next_sweep, next_trial});
  Shrink(step, event.sweep, sweep, options.tidied_at_once);
  return {};
}

int Scheduler::State::Shrink(Step& step, SweepId id, Sweep& sweep, int most) {
  SweepShrunk shrunk{id, {}, {}, 0};
  int done = 0;
  for (; done < most && !sweep.trials.empty(); ++done) {
    const TrialId trial = sweep.trials.back();
    sweep.trials.pop_back();
    shrunk.released.push_back(trial);
    Disown(step, id, trial, shrunk.deleted);
  }
  if (sweep.trials.empty()) {
    shrunk.cells = std::min<int64_t>(most - done, sweep.coverage.cells);
    sweep.coverage.cells -= shrunk.cells;
    done += static_cast<int>(shrunk.cells);
  }
  const bool all = sweep.trials.empty() && sweep.coverage.cells == 0;
  step.effects.push_back(std::move(shrunk));
  if (all) {
    untidy.erase(id);
    queue.Forget(id);
    sweeps.erase(id);
    step.effects.push_back(SweepDeleted{id});
  }
  return std::max(done, 1);
}

// The deleted sweep holds the trial no more; if nobody does, nothing of it is left.
void Scheduler::State::Disown(Step& step, SweepId id, TrialId trial_id,
                              std::vector<TrialId>& deleted) {
  Trial& trial = trials[trial_id];
  const bool alone = trial.interests.size() == 1;
  if (!alone) StopUnwanted(step, trial_id, "its sweep was deleted");
  if (alone && trial.state == TrialState::kQueued) Dequeue(trial_id);
  queue.Remove(id, InterestOf(id, trial_id)->place, trial_id);
  std::erase_if(trial.interests, [&](const Interest& i) { return i.sweep == id; });
  if (wishes.erase({id, trial_id}) > 0) {
    trial.has_wishes = std::ranges::any_of(
        trial.interests, [&](const Interest& i) { return wishes.contains({i.sweep, trial_id}); });
  }
  if (!alone) return;
  Forget(trial_id);
  deleted.push_back(trial_id);
}

}  // namespace sparsweep
