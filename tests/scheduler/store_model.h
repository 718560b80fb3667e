// The store in memory: what SQLite must do for each effect, and the constraints it must hold.
//
//   SweepCreated       insert the sweep (expanding, next_index 0, not expanded) and its spec
//   CellAdded          insert the cell; insert each `created` trial (queued, nothing charged);
//   insert
//                      (sweep, cell, trial, seed_rank) for all of them
//   ExpansionAdvanced  next_index and expanded of the sweep
//   SweepChanged       state and message of the sweep
//   TrialChanged       state, reason, message and charged of the trial
//   AttemptLeased      insert the attempt as running, or, if it exists (it was lost), make it run
//                      again: state, worker, incarnation, charged sweep; no end
//   AttemptEnded       state, reason, message and log of the attempt; for kSucceeded the trial's
//   one
//                      result, for kReplicate a replicate beside it
//   WorkerChanged      upsert the worker
//   Instruction        nothing: it is the answer
//
// All effects of a batch become true in one transaction, in their order. Read() is what the server
// hands to Scheduler::Restore.
#pragma once

#include <map>
#include <optional>
#include <string>
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
  };
  struct Sweep {
    SweepState state = SweepState::kExpanding;
    SweepOptions options;
    uint64_t next_index = 0;
    bool expanded = false;
    std::map<uint64_t, ExpandedCell> cells = {};
    std::map<TrialId, StoredState::Interest> interests = {};
  };

  // Commits a batch. A broken constraint is returned as a sentence (and is a bug).
  std::optional<std::string> Commit(const std::vector<Effect>& effects);
  StoredState Read() const;
  // Counted from the rows, one by one.
  Coverage Count(SweepId sweep) const;

  const std::map<SweepId, Sweep>& sweeps() const { return sweeps_; }
  const std::map<TrialId, Trial>& trials() const { return trials_; }
  const std::map<std::string, WorkerChanged>& workers() const { return workers_; }

 private:
  std::optional<std::string> Write(const SweepCreated& effect);
  std::optional<std::string> Write(const CellAdded& effect);
  std::optional<std::string> Write(const ExpansionAdvanced& effect);
  std::optional<std::string> Write(const SweepChanged& effect);
  std::optional<std::string> Write(const TrialChanged& effect);
  std::optional<std::string> Write(const AttemptLeased& effect);
  std::optional<std::string> Write(const AttemptEnded& effect);
  std::optional<std::string> Write(const WorkerChanged& effect);
  template <typename Other>
  std::optional<std::string> Write(const Other&) {
    return std::nullopt;
  }

  std::map<SweepId, Sweep> sweeps_;
  std::map<TrialId, Trial> trials_;
  std::map<std::string, TrialId> by_identity_;
  std::map<std::string, WorkerChanged> workers_;
};

}  // namespace sparsweep::testing
