// The mechanisms that keep the scheduler's promises, by name, so that tests can switch one off and
// see the simulation's laws catch it. In production `On` is the constant true and costs nothing;
// only the mutant test compiles the scheduler with SPARSWEEP_MECHANISM_SWITCHES.
#pragma once

namespace sparsweep {

enum class Mechanism {
  kAcceptOnce,        // a second success is a replicate
  kFence,             // only the worker an attempt was leased to may end it
  kStopOthers,        // an accepted success stops the trial's other live attempt
  kLapse,             // a lease without contact ends
  kRequeueOnRestart,  // a worker's new incarnation gives the old one's trials back
  kDropStale,         // Syncs of an earlier sequence are ignored
  kLedger,            // a trial's change of state moves the counts of its sweeps
  kLateSuccess,       // a lost attempt's success is accepted
};

#ifdef SPARSWEEP_MECHANISM_SWITCHES
bool On(Mechanism mechanism);
#else
constexpr bool On(Mechanism) { return true; }
#endif

}  // namespace sparsweep
