// How a trial's options make its model, whatever its kind. Not here: the head's kind and outputs,
// which belong to kind and task. Pure.
#pragma once

#include "core/result.h"
#include "trainer/bert.h"
#include "trainer/prepare.h"

namespace sparsweep {

// Of a trial whose data are tokenised.
Result<BertOptions> ModelOptions(const TrialSpec& spec, const Prepared& prepared);

}  // namespace sparsweep
