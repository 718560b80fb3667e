// The way back from the store, at start and after a commit that failed.
#include <algorithm>

#include "scheduler/state.h"

namespace sparsweep {

void Scheduler::State::Load(const StoredState& stored, Instant now) {
  for (const StoredState::Sweep& s : stored.sweeps) {
    Sweep& sweep = sweeps[s.id];
    sweep.options = s.options;
    sweep.state = s.state;
    sweep.paused = s.state == SweepState::kPaused;
    sweep.expanded = s.expanded;
    sweep.closed =
        s.state == SweepState::kCancelled || (s.state == SweepState::kFailed && !s.expanded);
    sweep.next_index = s.next_index;
    sweep.coverage.cells = s.cells;
    sweep.coverage.aliases = s.aliases;
    OpenLane(s.id, sweep);
  }
  next_sweep = stored.next_sweep;

  trials.resize(std::max<TrialId>(stored.next_trial, 1));
  for (const StoredState::Trial& t : stored.trials) {
    const auto digest = ParseDigest(t.identity);
    if (!digest || t.id <= 0 || t.id >= static_cast<TrialId>(trials.size())) continue;
    Trial& trial = trials[t.id];
    trial.identity = *digest;
    trial.exists = true;
    trial.charged = t.charged;
    trial.attempts = t.attempts;
    // Running is what has a live attempt; the loop below finds them.
    trial.state = t.state == TrialState::kRunning ? TrialState::kQueued : t.state;
    by_identity.Add(t.id);
  }
  for (const StoredState::Interest& i : stored.interests) {
    Trial* trial = FindTrial(i.trial);
    const auto sweep = sweeps.find(i.sweep);
    if (trial == nullptr || sweep == sweeps.end()) continue;
    trial->interests.push_back({i.sweep, {i.cell, i.seed_rank, i.is_baseline}});
    sweep->second.trials.push_back(i.trial);
  }

  for (const StoredState::Worker& w : stored.workers) {
    Worker& worker = WorkerNamed(w.name);
    worker.incarnation = w.incarnation;
    worker.slots = w.slots;
    worker.labels_json = w.labels_json;
    worker.draining = w.state == "draining";
    if (w.state == "quarantined") {
      worker.quarantined_until = now + options.quarantine;
      timers.Set({*worker.quarantined_until, TimerKind::kQuarantine, worker.number});
    }
    worker.state = PresentState(worker);
    Heard(worker, now);
  }
  for (const StoredState::LiveAttempt& a : stored.ended) {
    if (FindTrial(a.id.trial) != nullptr) unsettled[a.id] = {a.worker, a.charged_to, false};
  }
  for (const StoredState::LiveAttempt& a : stored.live) {
    Trial* trial = FindTrial(a.id.trial);
    if (trial == nullptr || trial->state != TrialState::kQueued) continue;
    Worker& worker = WorkerNamed(a.worker);
    if (worker.incarnation.empty()) {  // the store did not name it among the workers
      worker.incarnation = a.incarnation;
      worker.state = WorkerState::kOnline;
      Heard(worker, now);
    }
    trial->state = TrialState::kRunning;
    leases[a.id.trial] = {a.id.number, worker.number, a.charged_to, now + options.lease, -1, 0};
    timers.Set({now + options.lease, TimerKind::kLease, a.id.trial});
    worker.attempts.insert(a.id.trial);
  }

  for (TrialId id = 1; id < static_cast<TrialId>(trials.size()); ++id) {
    if (!trials[id].exists) continue;
    for (const Interest& interest : trials[id].interests) {
      Coverage& coverage = sweeps.at(interest.sweep).coverage;
      coverage.trials += 1;
      Count(coverage, trials[id].state, 1);
    }
    if (trials[id].state == TrialState::kQueued) Enqueue(id);
  }
  for (const Worker& worker : workers) UpdateFree(worker);
}

}  // namespace sparsweep
