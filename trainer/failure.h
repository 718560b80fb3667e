// How a trial ends early. Any thread.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "core/trial.h"

namespace sparsweep {

// The reason a worker reports, and one sentence.
struct Failure {
  FailureReason reason;
  std::string message;
};

// What a step of a trial comes to: nothing, or why the trial ends here.
using MaybeFailure = std::optional<Failure>;

Failure Refused(const Status& status);
// What this machine lacks is refused, bad data is bad everywhere.
Failure FailureOf(const Status& status);
Failure Interrupted();

}  // namespace sparsweep
