// The way back from the store, at start and after a commit that failed.
#include <algorithm>

#include "scheduler/state.h"

namespace sparsweep {

void Scheduler::State::Load(const StoredState& stored, Instant now) {
  Step step{now};  // what it gathers is known to the store already
  for (const StoredState::Sweep& s : stored.sweeps) {
    Sweep& sweep = sweeps[s.id];
    sweep.options = s.options;
    sweep.group = GroupOf(s.options.needs);
    sweep.waiting_for = s.waiting_for;
    sweep.state = s.state;
    sweep.paused = s.state == SweepState::kPaused;
    sweep.expanded = s.expanded;
    sweep.closed = s.closed || s.state == SweepState::kCancelled ||
                   (s.state == SweepState::kFailed && !s.expanded);
    sweep.next_index = s.next_index;
    sweep.coverage.cells = s.cells;
    sweep.coverage.aliases = s.aliases;
    sweep.deleting = s.deleting;
    if (s.deleting) untidy.insert(s.id);
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
    trial.reason = t.reason;
    if (t.fence > 0) fences[t.id] = t.fence;
    Enlist(t.id, t.generation, by_identity.Find(*digest));
  }
  for (const StoredState::Interest& i : stored.interests) {
    Trial* trial = FindTrial(i.trial);
    const auto sweep = sweeps.find(i.sweep);
    if (trial == nullptr || sweep == sweeps.end()) continue;
    trial->interests.push_back({i.sweep, {i.cell, i.seed_rank, i.is_baseline}});
    sweep->second.trials.push_back(i.trial);
    if (i.wish == Wish::kWanted) continue;
    wishes[{i.sweep, i.trial}] = i.wish;
    trial->has_wishes = true;
  }

  for (const StoredState::Worker& w : stored.workers) {
    Worker& worker = WorkerNamed(w.name);
    worker.incarnation = w.incarnation;
    worker.slots = w.slots;
    worker.labels_json = w.labels_json;
    worker.offer = w.offer;
    worker.drain_requested = w.drain_requested;
    worker.draining = w.state == "draining" && !w.drain_requested;
    if (w.state == "quarantined") {
      worker.quarantined_until = now + options.quarantine;
      worker.distrust = "too many attempts in a row had gone wrong on it when the server was started";
      timers.Set({*worker.quarantined_until, TimerKind::kQuarantine, worker.number});
    }
    SetState(step, worker, PresentState(worker));
    Heard(worker, now);
  }
  for (const StoredState::LiveAttempt& a : stored.ended) {
    if (FindTrial(a.id.trial) != nullptr) unsettled[a.id] = {a.worker, a.charged_to, false, false, now};
  }
  for (const StoredState::LiveAttempt& a : stored.live) {
    Trial* trial = FindTrial(a.id.trial);
    if (trial == nullptr || trial->state != TrialState::kQueued) continue;
    Worker& worker = WorkerNamed(a.worker);
    if (worker.incarnation.empty()) {  // the store did not name it among the workers
      worker.incarnation = a.incarnation;
      SetState(step, worker, WorkerState::kOnline);
      Heard(worker, now);
    }
    trial->state = TrialState::kRunning;
    Lease lease;
    lease.number = a.id.number;
    lease.worker = worker.number;
    lease.charged_to = sweeps.contains(a.charged_to) ? a.charged_to : ChargeTo(a.id.trial, 0);
    lease.deadline = now + options.lease;
    lease.started = now - a.running_for;
    lease.progressed = now;
    lease.sequence = -1;
    AddLease(a.id.trial, lease);
  }

  for (TrialId id = 1; id < static_cast<TrialId>(trials.size()); ++id) {
    if (!trials[id].exists) continue;
    for (const Interest& interest : trials[id].interests) {
      Coverage& coverage = sweeps.at(interest.sweep).coverage;
      coverage.trials += 1;
      Count(coverage, SeenBy(interest.sweep, id), 1);
    }
    if (trials[id].state != TrialState::kQueued) continue;
    Enqueue(id);
    if (Wanted(id)) continue;
    for (const Interest& interest : trials[id].interests) untidy.insert(interest.sweep);
  }
  for (auto& [id, sweep] : sweeps) {
    sweep.told = sweep.coverage;
    OpenLane(id, sweep);
  }
  for (const Worker& worker : workers) UpdateFree(worker);
}

StoredState Scheduler::State::Remembered() const {
  StoredState state;
  for (const auto& [id, s] : sweeps) {
    state.sweeps.push_back({id, s.state, s.options, s.next_index, s.expanded, s.coverage.cells,
                            s.deleting ? 0 : s.coverage.aliases, s.closed, s.waiting_for,
                            s.deleting});
    std::vector<TrialId> ids = s.trials;
    std::ranges::sort(ids);
    for (const TrialId trial : ids) {
      const Place& place = InterestOf(id, trial)->place;
      state.interests.push_back(
          {id, trial, place.is_baseline, place.seed_rank, place.cell, WishOf(id, trial)});
    }
  }
  for (TrialId id = 1; id < static_cast<TrialId>(trials.size()); ++id) {
    const Trial& trial = trials[id];
    if (!trial.exists) continue;
    const auto fence = fences.find(id);
    state.trials.push_back({id, HexOf(trial.identity), trial.state, trial.charged, trial.attempts,
                            trial.reason, GenerationOf(id),
                            fence == fences.end() ? 0 : fence->second});
    if (const auto it = leases.find(id); it != leases.end()) {
      const Worker& worker = workers[it->second.worker];
      state.live.push_back({{id, it->second.number},
                            worker.name,
                            worker.incarnation,
                            it->second.charged_to,
                            {}});
    }
  }
  for (const auto& [id, lost] : unsettled) state.ended.push_back({id, lost.worker, {}, 0, {}});
  for (const auto& [name, number] : worker_numbers) {
    const Worker& w = workers[number];
    if (w.state == WorkerState::kLost || w.state == WorkerState::kLeft) continue;
    state.workers.push_back({name, w.incarnation, NameOf(w.state), w.slots, w.labels_json, w.offer,
                             w.drain_requested});
  }
  state.next_sweep = next_sweep;
  state.next_trial = std::max<TrialId>(1, static_cast<TrialId>(trials.size()));
  return state;
}

}  // namespace sparsweep
