// The steps every decision is made of. Private to this folder.
//
// One place per idea: state.cc moves trials between states and keeps the ledger, generations.cc
// which trial an identity means, wishes.cc what a sweep wants of its trials, sweeps.cc what people
// ask of sweeps, requests.cc what they ask of trials and results, sync.cc what workers say,
// leases.cc how attempts begin and end, failures.cc what a failure means, needs.cc which worker may
// take what, workers.cc when a worker is lost or quarantined, tidying.cc what a sweep that
// is closed or deleted leaves behind, restore.cc the way back from the store.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/identity_index.h"
#include "scheduler/records.h"
#include "scheduler/timers.h"

namespace sparsweep {

struct Scheduler::State {
  explicit State(SchedulerOptions o) : options(o), by_identity(trials) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // state.cc: trials, the ledger, sweeps' states.
  Trial* FindTrial(TrialId id);
  void Move(Step& step, TrialId id, TrialState to, std::optional<FailureReason> reason = {},
            std::string message = {});
  void Requeue(Step& step, TrialId id, Duration pause);  // after an attempt, not before `pause`
  void Enqueue(TrialId id);                              // into the lanes of its sweeps
  void Dequeue(TrialId id);
  static void Count(Coverage& coverage, TrialState state, int64_t by);
  SweepState StateNow(const Sweep& sweep) const;
  void StopFailing(Step& step);
  void SettleSweeps(Step& step);
  void StopIfTooManyFailed(Step& step, SweepId id, Sweep& sweep);
  void OpenLane(SweepId id, const Sweep& sweep);

  // generations.cc
  // `newest`, `older`: the newest trial of the identity until now, if there is one.
  TrialId AddTrial(const Digest& identity, std::optional<TrialId> newest);
  void Enlist(TrialId id, int generation, std::optional<TrialId> older);
  void Forget(TrialId id);                  // nothing of it is left
  int GenerationOf(TrialId id) const;
  // The trial that an identity means to this sweep: its own, else the newest, if there is one that
  // it may share.
  std::optional<TrialId> TrialFor(SweepId sweep, std::optional<TrialId> newest) const;

  // wishes.cc
  Wish WishOf(SweepId sweep, TrialId id) const;
  bool Wants(SweepId sweep, TrialId id) const;   // an open sweep that has not dropped it
  bool Wanted(TrialId id) const;                 // by any sweep
  bool InLane(SweepId sweep, TrialId id) const;  // where it stands while queued
  TrialState SeenBy(SweepId sweep, TrialId id) const;
  const Interest* InterestOf(SweepId sweep, TrialId id) const;
  void SetWish(Step& step, SweepId sweep, TrialId id, Wish wish);
  void StopUnwanted(Step& step, TrialId id, const std::string& why);
  void Reopen(Step& step, SweepId id, Sweep& sweep);

  // tidying.cc
  void Close(Step& step, SweepId id, Sweep& sweep, SweepState state);
  void Tidy(Step& step, int most);
  int CancelQueued(Step& step, SweepId id, Sweep& sweep, int most);
  Status Delete(Step& step, const SweepDeleteRequested& event);
  int Shrink(Step& step, SweepId id, Sweep& sweep, int most);
  void Disown(Step& step, SweepId id, TrialId trial, std::vector<TrialId>& deleted);

  // sweeps.cc
  Result<Sweep*> FindSweep(SweepId id);
  Status Submit(Step& step, SweepSubmitted event);
  Status Expand(Step& step, CellsExpanded event);
  Status FailExpansion(Step& step, ExpansionFailed event);
  Status Cancel(Step& step, const SweepCancelRequested& event);
  Status Pause(Step& step, const SweepPauseRequested& event);
  Status Resume(Step& step, const SweepResumeRequested& event);
  Status Reprioritise(Step& step, const SweepReprioritised& event);
  CellTrial Join(SweepId sweep, const Place& place, const Digest& identity, ExpandedTrial spec,
                 std::vector<TrialId>& queue_again);

  // requests.cc
  Status CheckTrials(SweepId sweep, const TrialChoice& trials) const;
  Result<Trial*> TrialNamed(TrialId id);
  Status Retry(Step& step, const SweepRetryRequested& event);
  Status CancelTrial(Step& step, const TrialCancelRequested& event);
  Status PauseTrial(Step& step, const TrialPauseRequested& event);
  Status ResumeTrial(Step& step, const TrialResumeRequested& event);
  Status RetryTrial(Step& step, const TrialRetryRequested& event);
  Status Invalidate(Step& step, const ResultsInvalidated& event);
  Status Drain(Step& step, const WorkerDrainRequested& event);
  void DropTrial(Step& step, SweepId sweep, TrialId id);
  void PauseOne(Step& step, SweepId sweep, TrialId id);
  void ResumeOne(Step& step, SweepId sweep, TrialId id);
  void RetryOne(Step& step, TrialId id);

  // sync.cc
  void Sync(Step& step, WorkerSynced event);
  void Goodbye(Step& step, const WorkerLeft& event);
  bool Greet(Step& step, Worker& worker, const WorkerSynced& event);
  void TakeRunning(Step& step, Worker& worker, const WorkerSynced& event);
  bool TakeUpAgain(Step& step, Worker& worker, const AttemptId& id);
  void CountAbsences(Step& step, Worker& worker, int64_t sequence);
  void FillSlots(Step& step, Worker& worker);

  // leases.cc
  Lease& AddLease(TrialId trial, Lease lease);  // and what follows for timers, sweep and worker
  void Grant(Step& step, Worker& worker, const AttemptId& id, SweepId charged_to,
             std::optional<Instant> started = {});
  void Renew(Lease& lease, TrialId trial, Instant now);
  void Progress(Lease& lease, TrialId trial, int64_t at, Instant now);
  void SetLimit(Lease& lease, TrialId trial);
  Lease Release(TrialId trial);
  void GiveUp(Step& step, TrialId trial, AttemptState state, std::optional<FailureReason> reason,
              const std::string& why);
  // The sweep a lease of the trial is charged to, if `first` cannot be.
  SweepId ChargeTo(TrialId trial, SweepId first) const;
  bool TakeEnded(Step& step, Worker& worker, EndedAttempt report);
  void Succeed(Step& step, Worker& worker, EndedAttempt& report);

  // failures.cc
  void Fail(Step& step, Worker& worker, EndedAttempt& report);
  void Charge(Step& step, TrialId trial, FailureReason reason, const std::string& message);
  void Crash(Step& step, Worker& worker, const AttemptId& id, const std::string& message);
  void Refuse(Step& step, Worker& worker, TrialId trial, const std::string& message);
  void TimeOut(Step& step, TrialId trial);
  bool Refused(TrialId trial, const Worker& worker) const;
  bool AnotherMayTake(TrialId trial) const;
  void FailRefused(Step& step);
  bool Distrust(Step& step, Worker& worker, TrialId trial, FailureReason reason,
                const std::string& message);
  void Trust(Worker& worker);
  void Quarantine(Step& step, Worker& worker);

  // needs.cc
  int GroupOf(const Needs& needs);
  bool FitsWhenIdle(const Worker& worker, const Needs& needs) const;
  bool FitsNow(const Worker& worker, const Needs& needs) const;
  bool Idle(const Worker& worker) const { return worker.attempts.empty() && worker.strays == 0; }
  void UpdateFits(Step& step, Worker& worker);
  struct Next {
    std::optional<Queue::Pick> pick;  // what it can be leased now
    TrialId hold = 0;                 // else: what it must be emptied for
  };
  Next NextFor(const Worker& worker) const;
  void Reserve(Worker& worker, TrialId trial);
  void Unreserve(TrialId trial);
  std::string WaitingFor(const Sweep& sweep) const;
  bool CouldLeaseTo(const Worker& worker) const { return NextFor(worker).pick.has_value(); }
  bool CouldLease() const;

  // workers.cc
  Worker& WorkerNamed(const std::string& name);
  const Worker* FindWorker(const std::string& name) const;
  void Heard(Worker& worker, Instant now);
  void SetState(Step& step, Worker& worker, WorkerState state, bool tell = false);
  WorkerState PresentState(const Worker& worker) const;
  int FreeSlots(const Worker& worker) const;
  void UpdateFree(const Worker& worker);
  void LetTimePass(Step& step);
  void LoseAttempts(Step& step, Worker& worker, const std::string& why);

  // restore.cc
  void Load(const StoredState& stored, Instant now);
  StoredState Remembered() const;

  const SchedulerOptions options;
  std::deque<Trial> trials;  // by number; 0 is none
  IdentityIndex<Trial> by_identity;
  std::map<SweepId, Sweep> sweeps;
  SweepId next_sweep = 1;
  std::set<SweepId> untidy;  // closed or deleted, and not dealt with to the end
  Queue queue;
  Timers timers;
  std::unordered_map<TrialId, Lease> leases;
  std::unordered_map<TrialId, Instant> waiting;  // queued, but not before
  std::map<AttemptId, Unsettled> unsettled;
  std::map<std::pair<SweepId, TrialId>, Wish> wishes;  // those that are not kWanted
  std::unordered_map<TrialId, int> fences;  // attempts up to this number were invalidated
  std::unordered_map<TrialId, Generation> generations;  // of trials that are not the first
  std::map<TrialId, std::set<std::pair<std::string, std::string>>>
      refused;                                // (worker, incarnation)
  std::unordered_map<TrialId, int> reserved;  // exclusive trials that a worker is emptied for
  std::vector<Group> groups{Group{}};         // by number; 0 needs nothing
  std::deque<Worker> workers;                 // by number
  std::map<std::string, int> worker_numbers;  // by name
  std::set<int> free;                         // workers with a free slot
};

}  // namespace sparsweep
