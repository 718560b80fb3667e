// What a worker's log says of its quarantine: once when it begins, once when it ends.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "worker/agent.h"

namespace sparsweep {

class QuarantineNotice {
 public:
  // A sentence where the answer is news.
  std::optional<std::string> Heard(const ServerAnswer& answer,
                                   std::chrono::system_clock::time_point now =
                                       std::chrono::system_clock::now());

 private:
  bool quarantined_ = false;
};

}  // namespace sparsweep
