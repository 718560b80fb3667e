// The plan phase of a trial: from its canonical attention text and the lengths of its examples to
// the masks that the operator consumes. Not here: what a pattern keeps (core/mask.h), and the
// proof that the masks ran (attention/attest.h). The trial's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "attention/mask_plan.h"
#include "core/plan.h"
#include "core/trial.h"
#include "trainer/tokens.h"
#include "trainer/trial_texts.h"

namespace sparsweep {

struct TrialMasks {
  Plan plan;
  uint64_t mask_seed;
  std::map<int, int64_t> lengths;  // real length -> examples (train and dev)
  ExampleMasks examples;           // none unless the plan is per example
  std::shared_ptr<const MaskPlan> mask_plan;
  std::set<int> all_lengths = {};  // that occur, in test as well
};

// `texts`: Prepare()d for these examples; null unless the plan needs text.
Result<std::unique_ptr<const TrialMasks>> PlanTrial(const TrialSpec& spec, const Plan& plan,
                                                    const TokenizedSplit& train,
                                                    const TokenizedSplit& dev,
                                                    std::shared_ptr<const TrialTexts> texts,
                                                    PathChoice path, MaskCache& cache,
                                                    const TokenizedSplit& test = {});

// The numbers in `texts` of a trial's examples: its first `train` of the train split, and the
// following `others` of dev and test.
std::vector<int64_t> ExamplesOf(const TrialTexts& texts, int64_t train, int64_t others);

// The masks of a trial's examples, numbered train first, then dev, then test: with the words and
// the key of each. For one thread at a time (attention/example_masks.h shares them).
std::function<Mask(const Pattern&, const MaskContext&, int64_t example)> MasksOfExamples(
    const TokenizedSplit& train, const TokenizedSplit& dev, std::shared_ptr<const TrialTexts> texts,
    const TokenizedSplit& test = {});

// Where lexical(density=) misses what it was asked for over these texts by more than a tenth: only
// the trainer knows the words. `lengths` of all examples, train first.
std::vector<std::string> LexicalDensityWarnings(const TrialMasks& masks,
                                                const std::vector<int>& lengths);

// What `parses` says to people, if anything.
std::vector<std::string> ParseWarnings(const TrialTexts::ParseCounts& counts);

}  // namespace sparsweep
