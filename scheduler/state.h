// What the scheduler knows, and the steps every decision is made of. Private to this folder.
//
// One place per idea: state.cc moves trials between states and keeps the ledger, sweeps.cc holds
// what people ask for, sync.cc what workers say, leases.cc how attempts begin and end, workers.cc
// when a worker is lost or quarantined, restore.cc the way back from the store.
//
// Memory per trial is about 250 bytes (record, identity index, interest, place in a lane); leases,
// lost attempts, back-offs and refusals exist only for the few trials that have them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/digest.h"
#include "scheduler/identity_index.h"
#include "scheduler/queue.h"
#include "scheduler/scheduler.h"
#include "scheduler/timers.h"

namespace sparsweep {

// One Apply under way.
struct Step {
  Instant now;
  std::vector<Effect> effects;
  std::set<SweepId> touched;  // whose state may follow from what happened
};

struct Interest {
  SweepId sweep = 0;
  Place place;
};

struct Trial {
  Digest identity{};
  TrialState state = TrialState::kQueued;
  bool exists = false;  // numbers may have gaps
  int charged = 0;
  int attempts = 0;  // highest number given out
  std::vector<Interest> interests;
};

// The live attempt of a trial in state kRunning; there is one and only one.
struct Lease {
  int number = 0;
  int worker = 0;
  SweepId charged_to = 0;
  Instant deadline;
  int64_t sequence = 0;  // the worker's Sync that saw it last
  int absences = 0;      // later Syncs without it
};

// An attempt the scheduler ended itself (kLost, kCancelled): its worker may still have the last
// word.
struct Unsettled {
  std::string worker;
  SweepId charged_to = 0;
  bool charged = false;  // against the trial's cap
};

struct Sweep {
  SweepOptions options;
  SweepState state = SweepState::kExpanding;
  bool paused = false;
  bool expanded = false;
  bool closed = false;  // cancelled, or its expansion failed: wants no trial any more
  uint64_t next_index = 0;
  Coverage coverage;
  std::vector<TrialId> trials;
};

enum class WorkerState { kOnline, kDraining, kLost, kLeft, kQuarantined };

struct Worker {
  int number = 0;
  std::string name;
  std::string incarnation;
  std::vector<std::string> past;  // incarnations that must not come back, newest last
  WorkerState state = WorkerState::kLost;
  int64_t sequence = -1;
  int slots = 0;
  int strays = 0;  // runs it reported that are not its to run: they hold a slot until they stop
  std::string labels_json;
  bool draining = false;
  Instant contact;  // lost at this time unless heard of
  std::optional<Instant> quarantined_until;
  int failures = 0;              // in a row, of the kinds that may be the worker's fault
  std::vector<TrialId> crashed;  // the trials charged in that row
  std::set<TrialId> attempts;    // live
};

struct Scheduler::State {
  explicit State(SchedulerOptions o) : options(o), by_identity(trials) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // state.cc: trials, the ledger, sweeps' states.
  Trial* FindTrial(TrialId id);
  TrialId AddTrial(const Digest& identity);
  bool Wanted(const Trial& trial) const;
  void Move(Step& step, TrialId id, TrialState to, std::optional<FailureReason> reason = {},
            std::string message = {});
  void Requeue(Step& step, TrialId id, Duration pause);  // after an attempt, not before `pause`
  void Enqueue(TrialId id);                              // into the lanes of its sweeps
  void Dequeue(TrialId id);
  void Count(Coverage& coverage, TrialState state, int64_t by);
  SweepState StateNow(const Sweep& sweep) const;
  void SettleSweeps(Step& step);
  void OpenLane(SweepId id, const Sweep& sweep);

  // sweeps.cc
  Status Submit(Step& step, SweepSubmitted event);
  Status Expand(Step& step, CellsExpanded event);
  Status FailExpansion(Step& step, ExpansionFailed event);
  Status Cancel(Step& step, SweepCancelRequested event);
  Status Pause(Step& step, SweepPauseRequested event);
  Status Resume(Step& step, SweepResumeRequested event);
  Status Retry(Step& step, SweepRetryRequested event);
  Result<Sweep*> FindSweep(SweepId id);
  CellTrial Join(SweepId sweep, const Place& place, ExpandedTrial spec,
                 std::vector<TrialId>& queue_again);
  void DropInterest(Step& step, Sweep& sweep, const std::string& why);

  // sync.cc
  void Sync(Step& step, WorkerSynced event);
  void Goodbye(Step& step, const WorkerLeft& event);
  bool Greet(Step& step, Worker& worker, const WorkerSynced& event);
  void TakeRunning(Step& step, Worker& worker, const WorkerSynced& event);
  bool TakeUpAgain(Step& step, Worker& worker, const AttemptId& id);
  void CountAbsences(Step& step, Worker& worker, int64_t sequence);
  void FillSlots(Step& step, Worker& worker);

  // leases.cc
  void Grant(Step& step, Worker& worker, const AttemptId& id, SweepId charged_to);
  void Renew(Lease& lease, TrialId trial, Instant now);
  Lease Release(TrialId trial);
  bool TakeEnded(Step& step, Worker& worker, EndedAttempt report);
  void Succeed(Step& step, Worker& worker, EndedAttempt& report);
  void Fail(Step& step, Worker& worker, EndedAttempt& report);
  void GiveUp(Step& step, TrialId trial, AttemptState state, std::optional<FailureReason> reason,
              const std::string& why);
  void Charge(Step& step, TrialId trial, FailureReason reason, const std::string& message);
  void Crash(Step& step, Worker& worker, TrialId trial, const std::string& message);
  void Refuse(Step& step, Worker& worker, TrialId trial, const std::string& message);
  bool Refused(TrialId trial, const Worker& worker) const;

  // workers.cc
  Worker& WorkerNamed(const std::string& name);
  const Worker* FindWorker(const std::string& name) const;
  void Heard(Worker& worker, Instant now);
  void SetState(Step& step, Worker& worker, WorkerState state, bool tell = false);
  WorkerState PresentState(const Worker& worker) const;
  int FreeSlots(const Worker& worker) const;
  void UpdateFree(const Worker& worker);
  bool Distrust(Step& step, Worker& worker);
  void LetTimePass(Step& step);
  void LoseAttempts(Step& step, Worker& worker, const std::string& why);
  bool CouldLeaseTo(const Worker& worker) const;
  bool CouldLease() const;

  // restore.cc
  void Load(const StoredState& stored, Instant now);

  const SchedulerOptions options;
  std::deque<Trial> trials;  // by number; 0 is none
  IdentityIndex<Trial> by_identity;
  std::map<SweepId, Sweep> sweeps;
  SweepId next_sweep = 1;
  Queue queue;
  Timers timers;
  std::unordered_map<TrialId, Lease> leases;
  std::unordered_map<TrialId, Instant> waiting;  // queued, but not before
  std::map<AttemptId, Unsettled> unsettled;
  std::map<TrialId, std::set<std::pair<std::string, std::string>>>
      refused;                                // (worker, incarnation)
  std::deque<Worker> workers;                 // by number
  std::map<std::string, int> worker_numbers;  // by name
  std::set<int> free;                         // workers with a free slot
};

}  // namespace sparsweep
