// A trial of kind infer: latency and throughput of forward passes over a grid of batch sizes and
// lengths (docs/measuring.md has the definitions). The trial's thread.
#pragma once

#include <variant>

#include "core/trial.h"
#include "trainer/prepare.h"

namespace sparsweep {

std::variant<TrialResult, Failure> RunInfer(const RunContext& run);

}  // namespace sparsweep
