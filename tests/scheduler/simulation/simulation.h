// A cluster in virtual time: scheduler, store model, workers, people and a network, all from one
// seed. Faults: messages dropped, doubled, delayed and overtaken; workers killed, paused, wedged
// and lying; the server killed before and after a commit and between any two steps; commits that
// fail; a full disk; clocks that jump, late timers; and every request a person can make.
//
// After every step the laws hold; a broken one ends the run with a sentence:
//   - the store's constraints: one accepted result per trial, one live lease, no attempt ends twice,
//     no number is given out twice
//   - what is accepted is the word of the worker that the attempt was leased to, and not from before
//     an invalidation
//   - nobody is told what is not committed, and a success that was acknowledged is on record
//   - the ledger adds up and equals a count of the rows
//   - a trial runs if and only if one attempt of it does; a finished sweep has no open trial
//   - no lease outlives its worker's last word by more than it may, nor its worker's incarnation, nor
//     two Syncs without it, nor the time and idle limits of its sweep
//   - a lease goes to a worker that takes work, has what the trial needs, and has it free; it is of a
//     trial that is wanted and not paused, of a sweep with no more leases than it may have
//   - of the trials of a sweep that never ran the first in order goes, of sweeps with equal needs the
//     one of higher priority, and those of equal priority share by weight
//   - nobody pays for the quarantine of a worker but the worker
//   - a sweep waits for a worker, in words, if and only if none could ever take its trials
//   - a sweep in which too many trials failed stops
//   - a Sync that a later one has overtaken changes nothing; nor does a request made a second time
//   - what the scheduler remembers is what the rows say, and so does one rebuilt from them (every
//     32nd step and at every kill), on a real store also those that a killed process left
//   - with the faults off, everything that is not cancelled finishes: nothing starves
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/scheduler/simulation/encounters.h"
#include "tests/scheduler/simulation/laws.h"

namespace sparsweep::testing {

// A second store that is written and read beside the model, and must say the same: the real one
// (real_store.h). What the simulation is told at a restart is what this one says.
class Mirror {
 public:
  virtual ~Mirror() = default;
  enum class Failure { kKilled, kDiskFull, kCommitFailed };
  virtual Law Commit(const std::vector<Effect>& effects, Instant now) = 0;
  // Writes the batch and fails at it in this way: nothing of it becomes true, unless it is killed
  // then. A full disk stays full until Mend.
  virtual Law Fail(const std::vector<Effect>& effects, Failure how, Instant now) = 0;
  virtual Law Mend() = 0;
  virtual Law Kill() = 0;  // between two batches; what reads next is another process
  virtual StoredState Read(Instant now) = 0;
  // What Read does not say: results and replicates, and what `verify` can see.
  virtual Law Compare(const StoreModel& store) = 0;
};

struct SimulationOptions {
  uint64_t seed = 1;
  int workers = 3;
  int identities = 40;       // sweeps draw their trials from these, so that they overlap
  int steps = 200;           // with faults; then the rest without
  Mirror* mirror = nullptr;  // in its initial state, without a row
  // Faults of the harness itself, to see the laws catch them.
  bool tell_before_commit = false;    // answers go out although the commit failed
  bool forget_live_attempts = false;  // the store does not read live attempts back
  bool forget_wishes = false;         // the store does not read wishes back
};

struct SimulationOutcome {
  std::optional<std::string> broken;    // the law, and the step
  std::map<std::string, int> happened;  // how often each event
  Encounters encounters;
  int64_t trials = 0;  // ever created
};

SimulationOutcome Simulate(const SimulationOptions& options);

}  // namespace sparsweep::testing
