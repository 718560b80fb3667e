// The mechanisms that keep the scheduler's promises, by name, so that tests can switch one off and
// see the simulation's laws catch it. In production `On` is the constant true and costs nothing;
// only the mutant test compiles the scheduler with SPARSWEEP_MECHANISM_SWITCHES.
#pragma once

namespace sparsweep {

enum class Mechanism {
  kAcceptOnce,        // a second success is a replicate
  kFence,             // only the worker an attempt was leased to may end it
  kFenceStale,        // an attempt from before an invalidation does not count
  kStopOthers,        // an accepted success stops the trial's other live attempt
  kLapse,             // a lease without contact ends
  kAbsence,           // an attempt absent from two later Syncs ends
  kLimits,            // so does one beyond its time or without progress
  kProgress,          // what was reported before is no progress
  kRequeueOnRestart,  // a worker's new incarnation gives the old one's trials back
  kDropStale,         // Syncs of an earlier sequence are ignored
  kLedger,            // a trial's change of state moves the counts of its sweeps
  kLateSuccess,       // a lost attempt's success is accepted
  kBackOff,           // a trial that waited is queued again
  kOrder,             // trials of a sweep go in the order of their places
  kPriority,          // a sweep of higher priority goes first
  kTurns,             // a sweep that had its turn waits for those of the others
  kUncharged,         // a quarantined worker's trials go back uncharged
  kPause,             // what is paused is not leased
  kMaxRunning,        // a sweep has no more leases than it may
  kStopFailing,       // a sweep with too many failures stops
  kNeeds,             // a trial is leased only to a worker that offers what it needs
  kRoom,              // and only while it has the memory, or all slots, free
  kReserve,           // a worker is emptied for an exclusive trial
  kWaitingFor,        // what fits no worker is reported
};

#ifdef SPARSWEEP_MECHANISM_SWITCHES
bool On(Mechanism mechanism);
#else
constexpr bool On(Mechanism) { return true; }
#endif

}  // namespace sparsweep
