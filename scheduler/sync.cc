// What workers say, and the answer: one idempotent call carries all state both ways.
//
// A Sync with the sequence of the last one (a held call answered later, or a repetition on the
// wire) tells nothing new: it renews nothing, but is answered afresh. A worker that still runs an
// attempt that was given up takes it up again if nobody else has the trial; else it is told to
// stop by its absence from `run`.
#include <algorithm>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {
namespace {

constexpr int kAbsencesOfACrash = 2;
constexpr size_t kRememberedIncarnations = 8;

void Remember(Worker& worker) {
  if (worker.incarnation.empty()) return;
  worker.past.push_back(worker.incarnation);
  if (worker.past.size() > kRememberedIncarnations) worker.past.erase(worker.past.begin());
}

}  // namespace

void Scheduler::State::Sync(Step& step, WorkerSynced event) {
  Worker& worker = WorkerNamed(event.worker);
  const bool repeated =
      event.incarnation == worker.incarnation && event.sequence == worker.sequence;
  Instruction answer{event.worker, event.incarnation, {}, {}, false, options.lease, false};
  if (!repeated && !Greet(step, worker, event)) {
    answer.stale = true;
    step.effects.push_back(std::move(answer));
    return;
  }
  for (EndedAttempt& ended : event.ended) {
    const AttemptId id = ended.attempt;
    if (TakeEnded(step, worker, std::move(ended))) answer.acknowledged.push_back(id);
  }
  if (!repeated) {
    TakeRunning(step, worker, event);
    CountAbsences(step, worker, event.sequence);
  }
  LetTimePass(step);
  StopFailing(step);
  FillSlots(step, worker);
  for (TrialId trial : worker.attempts) answer.run.push_back({trial, leases.at(trial).number});
  answer.drain = worker.drain_requested;
  if (worker.quarantined_until) {
    answer.quarantine = *worker.quarantined_until - step.now;
    answer.distrust = worker.distrust;
  }
  step.effects.push_back(std::move(answer));
}

// Whether the Sync is news: of the present incarnation or a new one, and in sequence.
bool Scheduler::State::Greet(Step& step, Worker& worker, const WorkerSynced& event) {
  // One that was displaced may come back when its successor is silent: a message of a process long
  // gone, delivered after a restart of the server, must not lock the living one out.
  if (const auto past = std::ranges::find(worker.past, event.incarnation);
      past != worker.past.end()) {
    const bool silent = worker.state == WorkerState::kLost || worker.state == WorkerState::kLeft;
    if (!silent || event.incarnation == worker.incarnation) return false;
    worker.past.erase(past);
  }
  bool changed = false;
  if (event.incarnation != worker.incarnation) {
    if (On(Mechanism::kRequeueOnRestart)) LoseAttempts(step, worker, "was started anew");
    Remember(worker);
    worker.incarnation = event.incarnation;
    Trust(worker);
    worker.drain_requested = false;
    if (worker.quarantined_until) {
      timers.Clear({*worker.quarantined_until, TimerKind::kQuarantine, worker.number});
      worker.quarantined_until.reset();
    }
    changed = true;
  } else if (event.sequence < worker.sequence && On(Mechanism::kDropStale)) {
    return false;
  }
  worker.sequence = event.sequence;
  changed |= worker.slots != event.slots || worker.labels_json != event.labels_json ||
             worker.offer != event.offer;
  worker.slots = event.slots;
  worker.labels_json = event.labels_json;
  worker.offer = event.offer;
  worker.draining = event.draining;
  Heard(worker, step.now);
  SetState(step, worker, PresentState(worker), changed);
  return true;
}

void Scheduler::State::TakeRunning(Step& step, Worker& worker, const WorkerSynced& event) {
  std::set<AttemptId> strays;
  worker.strays = 0;
  for (const SlotReport& report : event.running) {
    const auto lease = leases.find(report.attempt.trial);
    if (lease != leases.end() && lease->second.number == report.attempt.number &&
        lease->second.worker == worker.number) {
      Renew(lease->second, report.attempt.trial, step.now);
      Progress(lease->second, report.attempt.trial, report.step, step.now);
      lease->second.sequence = event.sequence;
      lease->second.absences = 0;
    } else if (!TakeUpAgain(step, worker, report.attempt)) {
      strays.insert(report.attempt);
    }
  }
  worker.strays = static_cast<int>(strays.size());
  UpdateFree(worker);
}

// Only where it could be leased to this worker as well: within limits, needs and numbers.
bool Scheduler::State::TakeUpAgain(Step& step, Worker& worker, const AttemptId& id) {
  const auto found = unsettled.find(id);
  if (found == unsettled.end() || found->second.worker != worker.name) return false;
  Trial& trial = trials[id.trial];
  if (trial.state != TrialState::kQueued || worker.quarantined_until) return false;
  if (!Wanted(id.trial)) return false;  // its sweep is being tidied up
  const auto fence = fences.find(id.trial);
  if (fence != fences.end() && id.number <= fence->second) return false;
  const Unsettled lost = found->second;
  const SweepId charged_to = ChargeTo(id.trial, lost.charged_to);
  const Sweep& sweep = sweeps.at(charged_to);
  const int64_t most = sweep.options.max_running;
  if (lost.beyond || (most > 0 && sweep.running >= most)) return false;
  if (!FitsNow(worker, sweep.options.needs)) return false;
  if (lost.charged && trial.charged > 0) --trial.charged;
  unsettled.erase(found);
  Grant(step, worker, id, charged_to, lost.started);
  return true;
}

void Scheduler::State::CountAbsences(Step& step, Worker& worker, int64_t sequence) {
  const std::set<TrialId> attempts = worker.attempts;
  for (TrialId trial : attempts) {
    const auto found = leases.find(trial);
    if (found == leases.end()) continue;  // just given up: the worker is quarantined
    Lease& lease = found->second;
    if (lease.sequence >= sequence) continue;
    lease.sequence = sequence;
    if (++lease.absences < kAbsencesOfACrash || !On(Mechanism::kAbsence)) continue;
    const AttemptId id{trial, lease.number};
    const std::string why = "worker " + worker.name + " no longer runs it";
    GiveUp(step, trial, AttemptState::kLost, FailureReason::kCrashed, why);
    Crash(step, worker, id, why);
  }
}

void Scheduler::State::FillSlots(Step& step, Worker& worker) {
  while (true) {
    const Next next = NextFor(worker);
    if (next.hold != 0) Reserve(worker, next.hold);
    if (!next.pick) return;
    const auto [sweep, trial, group] = *next.pick;
    Grant(step, worker, {trial, trials[trial].attempts + 1}, sweep);
    queue.Charge(sweep);
  }
}

// It gave everything back: nothing is charged, and nothing more will be heard of this incarnation.
void Scheduler::State::Goodbye(Step& step, const WorkerLeft& event) {
  Worker& worker = WorkerNamed(event.worker);
  if (worker.incarnation != event.incarnation || worker.state == WorkerState::kLeft) return;
  const std::set<TrialId> attempts = worker.attempts;
  for (TrialId trial : attempts) {
    GiveUp(step, trial, AttemptState::kLost, FailureReason::kInterrupted,
           "worker " + worker.name + " left");
    Requeue(step, trial, Duration::zero());
  }
  Remember(worker);
  timers.Clear({worker.contact, TimerKind::kContact, worker.number});
  SetState(step, worker, WorkerState::kLeft);
}

}  // namespace sparsweep
