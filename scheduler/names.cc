// States as the database and the API spell them.
#include "scheduler/effect.h"

namespace sparsweep {

const char* Name(SweepState state) {
  switch (state) {
    case SweepState::kExpanding:
      return "expanding";
    case SweepState::kRunning:
      return "running";
    case SweepState::kPaused:
      return "paused";
    case SweepState::kSucceeded:
      return "succeeded";
    case SweepState::kFailed:
      return "failed";
    case SweepState::kCancelled:
      return "cancelled";
  }
  return "";
}

const char* Name(TrialState state) {
  switch (state) {
    case TrialState::kQueued:
      return "queued";
    case TrialState::kRunning:
      return "running";
    case TrialState::kSucceeded:
      return "succeeded";
    case TrialState::kFailed:
      return "failed";
    case TrialState::kCancelled:
      return "cancelled";
  }
  return "";
}

const char* Name(AttemptState state) {
  switch (state) {
    case AttemptState::kRunning:
      return "running";
    case AttemptState::kSucceeded:
      return "succeeded";
    case AttemptState::kReplicate:
      return "replicate";
    case AttemptState::kFailed:
      return "failed";
    case AttemptState::kLost:
      return "lost";
    case AttemptState::kCancelled:
      return "cancelled";
  }
  return "";
}

const char* Name(Wish wish) {
  switch (wish) {
    case Wish::kWanted:
      return "wanted";
    case Wish::kPaused:
      return "paused";
    case Wish::kDropped:
      return "dropped";
  }
  return "";
}

}  // namespace sparsweep
