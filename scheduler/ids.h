// Names of things the scheduler decides about. Numbers are assigned by the scheduler, never reused.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace sparsweep {

using SweepId = int64_t;
using TrialId = int64_t;

// The server's monotonic clock. Only durations are ever stored.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// One execution of a trial. `number` counts from 1 within the trial and fences late reports.
struct AttemptId {
  TrialId trial = 0;
  int number = 0;
  auto operator<=>(const AttemptId&) const = default;
};

}  // namespace sparsweep
