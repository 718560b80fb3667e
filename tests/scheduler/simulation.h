// A cluster in virtual time: scheduler, store model, workers, people and a network, all from one
// seed. Faults: messages dropped, doubled, delayed and overtaken; workers killed, paused and lying;
// the server killed before and after a commit; commits that fail; late timers.
//
// After every step the laws hold; a broken one ends the run with a sentence:
//   - the store's constraints: one accepted result per trial, one live lease, no attempt ends twice
//   - what is accepted is the word of the worker that the attempt was leased to
//   - nobody is told what is not committed, and a success that was acknowledged is on record
//   - the ledger adds up and equals a count of the rows
//   - a trial runs if and only if one attempt of it does; a finished sweep has no open trial
//   - no lease outlives its worker's last word by more than it may, nor its worker's incarnation
//   - a Sync that a later one has overtaken changes nothing
//   - a scheduler rebuilt from the store shows the same as the live one
//   - with the faults off, everything that is not cancelled finishes: nothing starves
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sparsweep::testing {

struct SimulationOptions {
  uint64_t seed = 1;
  int workers = 3;
  int identities = 24;  // sweeps draw their trials from these, so that they overlap
  int steps = 300;      // with faults; then the rest without
  // Faults of the harness itself, to see the laws catch them.
  bool tell_before_commit = false;    // answers go out although the commit failed
  bool forget_live_attempts = false;  // the store does not read live attempts back
};

struct SimulationOutcome {
  std::optional<std::string> broken;    // the law, and the step
  std::map<std::string, int> happened;  // how often each fault and each event
};

SimulationOutcome Simulate(const SimulationOptions& options);

}  // namespace sparsweep::testing
