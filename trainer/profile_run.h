// A trial of kind profile: memory and time of training steps over a grid of lengths at constant
// tokens, by the allocator's counters, and how the activation memory grows with the length
// (docs/measuring.md has the definitions). The trial's thread.
#pragma once

#include <variant>

#include "core/trial.h"
#include "trainer/prepare.h"

namespace sparsweep {

std::variant<TrialResult, Failure> RunProfile(const RunContext& run);

}  // namespace sparsweep
