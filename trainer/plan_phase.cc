#include "trainer/plan_phase.h"

#include <set>

namespace sparsweep {

Result<std::unique_ptr<const TrialMasks>> PlanTrial(const TrialSpec& spec,
                                                    const TokenizedSplit& train,
                                                    const TokenizedSplit& dev, PathChoice path,
                                                    MaskCache& cache) {
  const int max_length = static_cast<int>(spec.training.max_length);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return plan.status();
  std::map<int, int64_t> lengths;
  std::set<int> distinct;
  for (const TokenizedSplit* split : {&train, &dev}) {
    for (int length : split->lengths()) {
      ++lengths[length];
      distinct.insert(length);
    }
  }
  const uint64_t mask_seed = spec.mask_seed.value_or(0);
  MaskPlan mask_plan(*plan, mask_seed, distinct, path, cache);
  return std::unique_ptr<const TrialMasks>(
      new TrialMasks{*plan, mask_seed, std::move(lengths), std::move(mask_plan)});
}

}  // namespace sparsweep
