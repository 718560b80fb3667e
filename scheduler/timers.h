// What waits for time, in order of time: one entry per lease, limit, worker,
// back-off and quarantine.
// Nothing fires by itself; the scheduler pops what is due.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>

#include "scheduler/ids.h"

namespace sparsweep {

// In this order where several are due at once: an attempt is lost before its worker is.
enum class TimerKind : uint8_t { kLease, kLimit, kContact, kBackoff, kQuarantine };

struct Timer {
  Instant at;
  TimerKind kind = TimerKind::kLease;
  int64_t id = 0;  // the trial, or the worker's number
  auto operator<=>(const Timer&) const = default;
};

class Timers {
 public:
  void Set(const Timer& timer) { timers_.insert(timer); }
  void Clear(const Timer& timer) { timers_.erase(timer); }
  std::optional<Instant> Next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->at;
  }
  // Removes and returns the first timer that is due.
  std::optional<Timer> PopDue(Instant now) {
    if (timers_.empty() || timers_.begin()->at > now) return std::nullopt;
    return timers_.extract(timers_.begin()).value();
  }

 private:
  std::set<Timer> timers_;
};

}  // namespace sparsweep
