// What must hold of a cluster at every step (simulation.h lists the laws). Each function returns
// the first broken law as a sentence. The store's own constraints are in store_model.cc.
#pragma once

#include <map>
#include <optional>
#include <string>
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

// No lease outlives its worker's last word, of which `heard` is the time.
Law BrokenLeaseLaw(const StoreModel& store, const SchedulerOptions& options,
                   const std::map<std::string, Instant>& heard, Instant now);

// Nothing in an answer is other than committed; `reported` is what the worker said had ended.
Law BrokenAnswerLaw(const StoreModel& store, const Instruction& told,
                    const std::vector<EndedAttempt>& reported);

// Remembers what one run of the server has heard, and which Syncs it must therefore ignore.
class SyncOrder {
 public:
  Law Broken(const WorkerSynced& sync, const std::vector<Effect>& effects);
  void Forget() { newest_.clear(); }

 private:
  struct Newest {
    std::vector<std::string> incarnations;
    int64_t sequence = 0;
  };
  std::map<std::string, Newest> newest_;
};

}  // namespace sparsweep::testing
