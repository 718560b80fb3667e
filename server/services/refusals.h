// How often something that a worker said was refused, by reason: for /metrics.
//
// Counted since the start of the server, in memory. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace sparsweep {

class Refusals {
 public:
  enum Reason {
    kProtocol,   // another wire protocol
    kTooLarge,   // a Sync above its limit
    kMalformed,  // a field that no worker of ours sends
    kStale,      // an old incarnation, a lower sequence, another process of this name
    kNotLeased,  // a result, or points, of an attempt that is not this worker's
    kBadResult,  // a success that cannot be read or attests nothing
    kBadPoint,   // a metric point that is not finite or has no name
    kReasons
  };

  void Count(Reason reason, int64_t times = 1) { counts_[reason].fetch_add(times); }
  int64_t Of(Reason reason) const { return counts_[reason].load(); }
  // In Prometheus' text form.
  std::string Text() const;

 private:
  std::array<std::atomic<int64_t>, kReasons> counts_{};
};

}  // namespace sparsweep
