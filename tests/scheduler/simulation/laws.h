// What must hold of a cluster at every step (simulation.h lists the laws). Each function returns
// the first broken law as a sentence. The store's own constraints are in store_model.cc.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/scheduler.h"
#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

using Law = std::optional<std::string>;

// The live scheduler and the rows say the same of every sweep.
Law BrokenSweepLaw(const StoreModel& store, const Scheduler& live);

// A scheduler remembers what the store holds, in everything but clocks.
Law BrokenMemoryLaw(const StoredState& stored, const Scheduler& scheduler);

// States, attempts and results of every trial fit together.
Law BrokenTrialLaw(const StoreModel& store, const SchedulerOptions& options);

// When an attempt last made a step that was not reported before.
struct LastStep {
  Instant at;
  int64_t step = 0;
};

// No lease outlives its worker's last word, of which `heard` is the time, nor its sweep's limits,
// counted from when it `started` and from its last step.
Law BrokenLeaseLaw(const StoreModel& store, const SchedulerOptions& options,
                   const std::map<std::string, Instant>& heard,
                   const std::map<AttemptId, Instant>& started,
                   const std::map<AttemptId, LastStep>& progress, Instant now);

// Trials that a worker runs when it is quarantined are not charged for that.
Law BrokenQuarantineLaw(const StoreModel& store, const std::vector<Effect>& effects);

// The lease about to be written goes to a worker that may have it, for a sweep that may ask for it.
Law BrokenGrantLaw(const StoreModel& store, const AttemptLeased& leased);

// A sweep says that it waits for a worker if and only if none could take its trials.
Law BrokenWaitingLaw(const StoreModel& store);

// After more trials of a sweep failed it is closed, over, or within its share.
Law BrokenShareLaw(const StoreModel& store, const SchedulerOptions& options,
                   const std::map<SweepId, Coverage>& before, const Scheduler& after);

// Nothing in an answer is other than committed; `reported` is what the worker said had ended.
Law BrokenAnswerLaw(const StoreModel& store, const Instruction& told,
                    const std::vector<EndedAttempt>& reported);

// Remembers what one run of the server has heard, and which Syncs it must therefore ignore.
class SyncOrder {
 public:
  Law Broken(const WorkerSynced& sync, const std::vector<Effect>& effects);
  void Note(const std::vector<Effect>& effects);  // of any event
  void Forget() { newest_.clear(), lost_.clear(); }

 private:
  struct Newest {
    std::vector<std::string> incarnations;
    int64_t sequence = 0;
  };
  std::map<std::string, Newest> newest_;
  std::set<std::string> lost_;  // there a displaced incarnation may come back
};

// Counts Syncs that do not know of an attempt which their worker was leased before.
class Absences {
 public:
  void Before(const WorkerSynced& sync);
  Law Broken(const WorkerSynced& sync, const std::vector<Effect>& effects);
  void Note(const std::vector<Effect>& effects);  // of any event
  void Restart(const StoreModel& store);

 private:
  struct Live {
    std::string worker;
    int absences = 0;
  };
  std::map<AttemptId, Live> live_;
  std::set<AttemptId> known_;                                      // live before the Sync under way
  std::map<std::string, std::pair<std::string, int64_t>> newest_;  // incarnation and sequence
};

}  // namespace sparsweep::testing
