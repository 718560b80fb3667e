// The phases of a run as its observer hears of them, with the time that each takes. One thread.
#pragma once

#include <chrono>
#include <utility>

#include "trainer/failure.h"
#include "trainer/trial_run.h"

namespace sparsweep {

// Seconds since the last call.
class Stopwatch {
 public:
  double Lap() {
    auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Announces phase `name`, runs `body` and adds its time to *seconds. A cancellation that arrived in
// the meantime ends the run.
template <typename Body>
MaybeFailure RunPhase(TrialObserver& observer, const char* name, double* seconds,
                      const Body& body) {
  observer.OnPhase(name, 0, 0);
  Stopwatch watch;
  MaybeFailure failure = body();
  *seconds += watch.Lap();
  if (!failure && observer.Cancelled()) failure = Interrupted();
  return failure;
}

}  // namespace sparsweep
