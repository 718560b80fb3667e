// States as the database spells them, back to the scheduler's enums. The tables' CHECKs hold every
// other spelling out, so an unknown one is a bug.
#pragma once

#include <string>

#include "core/result.h"
#include "scheduler/effect.h"

namespace sparsweep {

inline SweepState SweepStateNamed(const std::string& name) {
  for (const SweepState state :
       {SweepState::kExpanding, SweepState::kRunning, SweepState::kPaused, SweepState::kSucceeded,
        SweepState::kFailed, SweepState::kCancelled}) {
    if (name == Name(state)) return state;
  }
  SPARSWEEP_CHECK(!"a sweep state of the schema");
  return SweepState::kFailed;
}

inline TrialState TrialStateNamed(const std::string& name) {
  for (const TrialState state : {TrialState::kQueued, TrialState::kRunning, TrialState::kSucceeded,
                                 TrialState::kFailed, TrialState::kCancelled}) {
    if (name == Name(state)) return state;
  }
  SPARSWEEP_CHECK(!"a trial state of the schema");
  return TrialState::kFailed;
}

inline Wish WishNamed(const std::string& name) {
  for (const Wish wish : {Wish::kWanted, Wish::kPaused, Wish::kDropped}) {
    if (name == Name(wish)) return wish;
  }
  SPARSWEEP_CHECK(!"a wish of the schema");
  return Wish::kWanted;
}

}  // namespace sparsweep
