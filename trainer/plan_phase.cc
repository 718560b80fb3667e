#include "trainer/plan_phase.h"

#include <set>

namespace sparsweep {
namespace {

// The masks of a trial's examples, numbered train first, then dev: with the key of each.
ExampleMasks MasksOfExamples(const TokenizedSplit& train, const TokenizedSplit& dev) {
  std::vector<int> lengths = train.lengths();
  for (int length : dev.lengths()) lengths.push_back(length);
  return [lengths = std::move(lengths), train_size = train.size()](
             const Pattern& pattern, const MaskContext& context, int64_t example) {
    const bool of_train = example < train_size;
    MaskContext own = context;
    own.example_key =
        ExampleKey(of_train ? "train" : "dev", of_train ? example : example - train_size, 0);
    return BuildMask(pattern, lengths[example], own);
  };
}

}  // namespace

Result<std::unique_ptr<const TrialMasks>> PlanTrial(const TrialSpec& spec,
                                                    const TokenizedSplit& train,
                                                    const TokenizedSplit& dev, PathChoice path,
                                                    MaskCache& cache) {
  const int max_length = static_cast<int>(spec.training.max_length);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return plan.status();
  if (plan->needs_text() || plan->learned()) {
    return InvalidArgument("\"" + plan->canonical() +
                           "\": this trainer has no masks of texts and no learned degrees");
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
  if (plan->per_example()) options.examples = MasksOfExamples(train, dev);
  auto mask_plan = MaskPlan::Make(*plan, options, distinct, cache);
  if (!mask_plan.ok()) return mask_plan.status();
  return std::unique_ptr<const TrialMasks>(
      new TrialMasks{*plan, mask_seed, std::move(lengths), options.examples, *mask_plan});
}

}  // namespace sparsweep
