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
  if (plan->per_example() || plan->learned() || plan->weighted()) {
    return InvalidArgument("\"" + plan->canonical() +
                           "\": this trainer has no masks of texts, no learned degrees, no "
                           "each=example and no exact=hf");
  }
  std::map<int, int64_t> lengths;
  std::set<int> distinct;
  for (const TokenizedSplit* split : {&train, &dev}) {
    for (int length : split->lengths()) {
      ++lengths[length];
      distinct.insert(length);
    }
  }
  const uint64_t mask_seed = spec.mask_seed.value_or(0);
  MaskPlanOptions options;
  options.mask_seed = mask_seed;
  options.choice = path;
  auto mask_plan = MaskPlan::Make(*plan, options, distinct, cache);
  if (!mask_plan.ok()) return mask_plan.status();
  return std::unique_ptr<const TrialMasks>(
      new TrialMasks{*plan, mask_seed, std::move(lengths), *mask_plan});
}

}  // namespace sparsweep
