// The store in memory: what SQLite must do for each effect, and the constraints it must hold.
//
//   SweepCreated         insert the sweep (expanding, next_index 0, not expanded) and its spec
//   CellAdded            insert the cell; insert each `created` trial (queued, nothing charged);
//                        insert (sweep, cell, trial, seed_rank) for all of them
//   ExpansionAdvanced    next_index and expanded of the sweep
//   SweepChanged         state, message and closed of the sweep
//   SweepOptionsChanged  its options
//   SweepWaiting         what it waits for
//   SweepDeletionBegun   the sweep is closed and not shown any more; numbers stay used
//   SweepShrunk          delete its interests (and wishes) in `released`; the trials `deleted`, their
//                        attempts, results and replicates; its first cells
//   SweepDeleted         delete the sweep, of which nothing else is left
//   InterestChanged      the sweep's wish for the trial
//   TrialChanged         state, reason, message and charged of the trial
//   AttemptLeased        insert the attempt as running, or, if it exists (it was lost, or is charged
//                        to another sweep now), update it: running, worker, incarnation, sweep
//   AttemptEnded         state, reason, message and log of the attempt; for kSucceeded the trial's
//                        one result, for kReplicate a replicate beside it
//   ResultInvalidated    the result becomes a stale replicate, its attempt a kReplicate; the fence
//   WorkerChanged        upsert the worker
//   Instruction          nothing: it is the answer
//
// All effects of a batch become true in one transaction, in their order. Read() is what the server
// hands to Scheduler::Restore.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/scheduler.h"

namespace sparsweep::testing {

class StoreModel {
 public:
  struct Attempt {
    std::string worker, incarnation;
    SweepId charged_to = 0;
    AttemptState state = AttemptState::kRunning;
    std::optional<FailureReason> reason;
  };
  struct Trial {
    std::string identity;
    TrialState state = TrialState::kQueued;
    std::optional<FailureReason> reason = {};
    int charged = 0;
    std::map<int, Attempt> attempts = {};
    std::optional<std::string> result = {};  // the accepted one
    int accepted = 0;                        // the attempt it is of
    std::map<int, std::string> replicates = {};
    std::set<int> stale = {};  // of these
    int fence = 0;
    int generation = 1;
    std::string message = {};
  };
  struct Sweep {
    SweepState state = SweepState::kExpanding;
    SweepOptions options;
    uint64_t next_index = 0;
    bool expanded = false;
    std::map<uint64_t, ExpandedCell> cells = {};
    std::map<TrialId, StoredState::Interest> interests = {};
    std::string message = {};
    bool closed = false;
    std::string waiting_for = {};
    bool deleting = false;
  };

  // Commits a batch. A broken constraint is returned as a sentence (and is a bug).
  std::optional<std::string> Commit(const std::vector<Effect>& effects);
  StoredState Read() const;
  // Counted from the rows, one by one.
  Coverage Count(SweepId sweep) const;

  const std::map<SweepId, Sweep>& sweeps() const { return sweeps_; }
  const std::map<TrialId, Trial>& trials() const { return trials_; }
  const std::map<std::string, WorkerChanged>& workers() const { return workers_; }
  TrialId next_trial() const { return next_trial_; }
  // What the sweep has left of a trial: a queued or running one that it does not want is cancelled.
  TrialState SeenBy(const Sweep& sweep, TrialId trial) const;

 private:
  std::optional<std::string> Write(const SweepCreated& effect);
  std::optional<std::string> Write(const CellAdded& effect);
  std::optional<std::string> Write(const ExpansionAdvanced& effect);
  std::optional<std::string> Write(const SweepChanged& effect);
  std::optional<std::string> Write(const SweepOptionsChanged& effect);
  std::optional<std::string> Write(const SweepWaiting& effect);
  std::optional<std::string> Write(const SweepDeletionBegun& effect);
  std::optional<std::string> Write(const SweepShrunk& effect);
  std::optional<std::string> Write(const SweepDeleted& effect);
  std::optional<std::string> Write(const InterestChanged& effect);
  std::optional<std::string> Write(const ResultInvalidated& effect);
  std::optional<std::string> Write(const TrialChanged& effect);
  std::optional<std::string> Write(const AttemptLeased& effect);
  std::optional<std::string> Write(const AttemptEnded& effect);
  std::optional<std::string> Write(const WorkerChanged& effect);
  std::optional<std::string> Write(const Instruction&) { return std::nullopt; }

  std::map<SweepId, Sweep> sweeps_;
  std::map<TrialId, Trial> trials_;
  std::map<std::pair<std::string, int>, TrialId> by_identity_;  // and generation
  std::map<std::string, WorkerChanged> workers_;
  SweepId next_sweep_ = 1;
  TrialId next_trial_ = 1;
};

}  // namespace sparsweep::testing
