// The plan phase of a trial: from its canonical attention text and the lengths of its examples to
// the masks that the operator consumes. Not here: what a pattern keeps (core/mask.h), and the
// proof that the masks ran (attention/attest.h). The trial's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "attention/mask_plan.h"
#include "core/plan.h"
#include "core/trial.h"
#include "trainer/tokens.h"

namespace sparsweep {

struct TrialMasks {
  Plan plan;
  uint64_t mask_seed;
  std::map<int, int64_t> lengths;  // real length -> examples (train and dev)
  ExampleMasks examples;           // none unless the plan is per example
  std::shared_ptr<const MaskPlan> mask_plan;
};

Result<std::unique_ptr<const TrialMasks>> PlanTrial(const TrialSpec& spec,
                                                    const TokenizedSplit& train,
                                                    const TokenizedSplit& dev, PathChoice path,
                                                    MaskCache& cache);

}  // namespace sparsweep
