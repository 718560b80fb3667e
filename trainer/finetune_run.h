// A trial of kind finetune: its phases in order, and the result they make. Not here: the loop
// (train.h). The trial's thread.
#pragma once

#include <variant>

#include "core/trial.h"
#include "trainer/prepare.h"

namespace sparsweep {

std::variant<TrialResult, Failure> RunFinetune(const RunContext& run);

}  // namespace sparsweep
