// The attest phase of a trial: the operators of its model are asked what they do, now. Not here:
// the probe itself (attention/attest.h). The trial's thread.
#pragma once

#include <optional>

#include "core/result.h"
#include "core/trial.h"
#include "trainer/bert.h"
#include "trainer/learned_run.h"
#include "trainer/prepare.h"

namespace sparsweep {

// With learned patterns: under what is learned so far, soft and hardened. Fills the attested fields
// of the result.
MaybeFailure AttestTrial(const RunContext& run, const Prepared& prepared, Bert& model,
                         std::optional<LearnedRun>& learned, TrialResult* result);

}  // namespace sparsweep
