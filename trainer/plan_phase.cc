#include "trainer/plan_phase.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/warnings.h"

namespace sparsweep {

Result<std::unique_ptr<const TrialMasks>> PlanTrial(const TrialSpec& spec, const Plan& plan,
                                                    const TokenizedSplit& train,
                                                    const TokenizedSplit& dev,
                                                    std::shared_ptr<const TrialTexts> texts,
                                                    PathChoice path, MaskCache& cache,
                                                    const TokenizedSplit& test) {
  std::map<int, int64_t> lengths;
  std::set<int> distinct;
  for (const TokenizedSplit* split : {&train, &dev}) {
    for (int length : split->lengths()) {
      ++lengths[length];
      distinct.insert(length);
    }
  }
  for (int length : test.lengths()) distinct.insert(length);
  const uint64_t mask_seed = spec.mask_seed.value_or(0);
  MaskPlanOptions options;
  options.mask_seed = mask_seed;
  options.choice = path;
  if (plan.per_example())
    options.examples = SharedExampleMasks(MasksOfExamples(train, dev, std::move(texts), test));
  auto mask_plan = MaskPlan::Make(plan, options, distinct, cache);
  if (!mask_plan.ok()) return mask_plan.status();
  return std::unique_ptr<const TrialMasks>(new TrialMasks{
      plan, mask_seed, std::move(lengths), options.examples, *mask_plan, std::move(distinct)});
}

std::vector<int64_t> ExamplesOf(const TrialTexts& texts, int64_t train, int64_t others) {
  std::vector<int64_t> examples;
  for (int64_t i = 0; i < train; ++i) examples.push_back(i);
  for (int64_t i = 0; i < others; ++i) examples.push_back(texts.train_size() + i);
  return examples;
}

std::function<Mask(const Pattern&, const MaskContext&, int64_t example)> MasksOfExamples(
    const TokenizedSplit& train, const TokenizedSplit& dev, std::shared_ptr<const TrialTexts> texts,
    const TokenizedSplit& test) {
  // The whole key of each, and where its texts are.
  struct Known {
    int length;
    uint64_t key;
    int64_t text;
  };
  std::vector<Known> examples;
  const auto add = [&](const TokenizedSplit& split, const char* name, int64_t first_text) {
    for (int64_t i = 0; i < split.size(); ++i) {
      const auto [row, window] = split.RowOf(i);
      examples.push_back({split.length(i), ExampleKey(name, row, window), first_text + i});
    }
  };
  const int64_t dev_texts = texts ? texts->train_size() : 0;
  add(train, "train", 0);
  add(dev, "dev", dev_texts);
  add(test, "test", dev_texts + dev.size());
  return [texts = std::move(texts), examples = std::move(examples)](
             const Pattern& pattern, const MaskContext& context, int64_t example) {
    const Known& known = examples[example];
    MaskContext own = context;
    own.example_key = known.key;
    std::optional<InputMasks> words;
    if (texts) {
      words.emplace(texts->Masks(known.text));
      own.text = &*words;
    }
    return BuildMask(pattern, known.length, own);
  };
}

namespace {

// The terms of a pattern that choose k by density.
void AddLexicalByDensity(const Pattern& pattern, std::vector<Pattern>* terms) {
  if (const auto* sum = pattern.As<Union>()) {
    for (const Pattern& term : sum->terms) AddLexicalByDensity(term, terms);
  } else if (const auto* product = pattern.As<Intersection>()) {
    for (const Pattern& term : product->terms) AddLexicalByDensity(term, terms);
  } else if (const auto* lexical = pattern.As<Lexical>()) {
    const auto* degree = std::get_if<Degree>(&lexical->by_count_or_threshold);
    if (degree && std::holds_alternative<Density>(*degree)) terms->push_back(pattern);
  }
}

}  // namespace

std::vector<std::string> LexicalDensityWarnings(const TrialMasks& masks,
                                                const std::vector<int>& lengths) {
  std::vector<Pattern> terms;
  for (const Pattern& pattern : masks.plan.patterns()) AddLexicalByDensity(pattern, &terms);
  std::vector<std::string> warnings;
  for (size_t t = 0; t < terms.size(); ++t) {
    if (std::find(terms.begin(), terms.begin() + t, terms[t]) != terms.begin() + t) continue;
    MaskContext context;
    context.max_length = masks.plan.context().max_length;
    double kept = 0, entries = 0;
    for (size_t i = 0; i < lengths.size(); ++i) {
      kept += static_cast<double>(masks.examples(terms[t], context, static_cast<int64_t>(i))->kept);
      entries += static_cast<double>(lengths[i]) * lengths[i];
    }
    const auto& degree = std::get<Degree>(terms[t].As<Lexical>()->by_count_or_threshold);
    if (auto missed = DensityMissed(terms[t], std::get<Density>(degree), kept, entries)) {
      warnings.push_back(*std::move(missed));
    }
  }
  return warnings;
}

std::vector<std::string> ParseWarnings(const TrialTexts::ParseCounts& counts) {
  std::vector<std::string> warnings;
  const auto of = [&](int64_t some) {
    return std::to_string(some) + " of " + std::to_string(counts.sentences) + " sentences";
  };
  if (counts.parsed < counts.sentences) {
    warnings.push_back(of(counts.sentences - counts.parsed) +
                       " could not be parsed: their words hang from [CLS] and from nothing else");
  }
  if (counts.capped > 0) {
    warnings.push_back(of(counts.capped) +
                       " ran into the parser's time cap: a faster machine may parse them "
                       "otherwise, which the attestation root would show");
  }
  return warnings;
}

}  // namespace sparsweep
