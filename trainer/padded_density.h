// How dense a trial's attention is if padding counts. Pure.
#pragma once

#include <vector>

#include "core/trial.h"
#include "trainer/tokens.h"

namespace sparsweep {

// Kept entries over the padded squares of one epoch and its evaluation.
double PaddedDensity(const TrialSpec& spec, const TokenizedSplit& train, const TokenizedSplit& dev,
                     const std::vector<MaskRow>& masks);

}  // namespace sparsweep
