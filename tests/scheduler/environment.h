// A scheduler with its store model, for tests: one line per worker and per sweep.
//
//   Environment env;
//   env.Submit({{{"a"}}, {{"b"}}});                // sweep 1: two cells of one trial each
//   env.Worker("w", 2);                            // two slots
//   EXPECT_EQ(env.Sync("w").run, ...);             // commits, checks the store's constraints
//   env.Succeed("w", {1, 1});
//
// Every Apply commits its effects to the model, so a broken constraint fails the test at once, and
// the ledger is compared with a count of the rows.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// 64 hex digits that differ with the name.
std::string Identity(const std::string& name);

struct CellOf {
  std::vector<std::string> trials;  // by seed rank
  bool is_baseline = false;
};

class Environment {
 public:
  explicit Environment(SchedulerOptions options = {});

  // Applies, commits, checks. A refusal fails the test unless it is asked for with Refused.
  std::vector<Effect> Apply(Event event);
  Status Refused(Event event);

  // A sweep of these cells, expanded in one chunk. Returns its number.
  SweepId Submit(const std::vector<CellOf>& cells, int64_t priority = 0);
  SweepId SubmitEmpty(int64_t priority = 0);
  SweepId SubmitWith(const SweepOptions& options, const std::vector<CellOf>& cells);
  std::vector<Effect> Expand(SweepId sweep, const std::vector<CellOf>& cells, uint64_t first = 0,
                             bool last = true);

  // The worker as its own agent sees it: what it runs is what it was told to.
  void Worker(const std::string& name, int slots);
  Instruction Sync(const std::string& name);
  Instruction Succeed(const std::string& name, AttemptId attempt);
  Instruction Fail(const std::string& name, AttemptId attempt, FailureReason reason);
  void Restart(const std::string& name);  // a new process of the same name
  WorkerSynced& Next(const std::string& name) { return workers_.at(name); }
  Instruction Send(WorkerSynced event);

  void Wait(Duration duration);  // then lets time pass
  void Crash();                  // kill -9 of the server, and its start

  Instant now() const { return now_; }
  Scheduler& scheduler() { return scheduler_; }
  const StoreModel& store() const { return store_; }
  TrialState StateOf(TrialId trial) const { return store_.trials().at(trial).state; }
  AttemptState StateOf(AttemptId id) const {
    return store_.trials().at(id.trial).attempts.at(id.number).state;
  }
  TrialId TrialOf(const std::string& name) const;
  const std::vector<Effect>& effects() const { return effects_; }  // of the last Apply

 private:
  void Check();

  SchedulerOptions options_;
  Instant now_{};
  StoreModel store_;
  Scheduler scheduler_;
  std::map<std::string, WorkerSynced> workers_;  // the next Sync of each
  std::vector<Effect> effects_;
};

// The effects of one kind, in order.
template <typename T>
std::vector<T> Only(const std::vector<Effect>& effects) {
  std::vector<T> found;
  for (const Effect& effect : effects) {
    if (const T* one = std::get_if<T>(&effect)) found.push_back(*one);
  }
  return found;
}

}  // namespace sparsweep::testing

namespace sparsweep {
inline void PrintTo(const AttemptId& id, std::ostream* out) {
  *out << id.trial << "#" << id.number;
}
inline void PrintTo(const Coverage& c, std::ostream* out) {
  *out << c.cells << " cells, " << c.aliases << " aliases, " << c.trials << " trials: " << c.queued
       << " queued, " << c.running << " running, " << c.succeeded << " succeeded, " << c.failed
       << " failed, " << c.cancelled << " cancelled";
}
inline void PrintTo(SweepState state, std::ostream* out) { *out << Name(state); }
inline void PrintTo(TrialState state, std::ostream* out) { *out << Name(state); }
inline void PrintTo(AttemptState state, std::ostream* out) { *out << Name(state); }
}  // namespace sparsweep
