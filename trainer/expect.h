// What a trial must have attested, computed again from its texts: for `sparsweep verify
// --with-trainer`. No operator is asked and nothing is trained: counts, hashes and root are core's
// (core/expected_masks.h), this finds the examples and their own masks. One thread.
#pragma once

#include <string>

#include "core/result.h"
#include "core/trial.h"
#include "trainer/resident.h"
#include "trainer/trial_run.h"

namespace sparsweep {

// `stored` with masks, attestation_root, density, tile_sparsity and lengths as they must be; paths
// and what was learned are taken from it. An error where files of the trial are missing or others.
Result<TrialResult> ExpectResult(const TrialSpec& spec, const TrialResult& stored,
                                 const TrainerOptions& options, Resident& resident);

// The same as a line: {"trial": TrialSpec, "result": TrialResult} -> a TrialResult or {"error":
// TEXT}.
std::string AnswerExpected(const std::string& line, const TrainerOptions& options,
                           Resident& resident);

}  // namespace sparsweep
