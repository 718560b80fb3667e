// What a plan does at the lengths of texts that its author would want to know: sentences for
// `preview` (all texts of max_length) and for results (the real lengths). Pure: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan.h"

namespace sparsweep {

// In this order, each at most once per pattern:
// - a rule that is not written as `dense` and became it (Plan::became_dense);
// - with pooling "cls": texts in which [CLS], in every layer and head, keeps nothing but itself;
// - a pattern that keeps everything in at least half of the texts;
// - a density= whose own density over all texts is off by more than a tenth of it;
// - a union in which at least a quarter of the keys that its random terms draw, the diagonal apart,
//   are kept by its other terms or by another draw.
// What depends on words is judged as far as every text would agree, what is learnt not at all; a
// draw is judged by that of the first head that has the pattern.
//
// `lengths`: real length >= 1 -> texts. `pooling`: "cls", "mean", or "" where nothing is pooled.
std::vector<std::string> PlanWarnings(const Plan& plan, const std::map<int, int64_t>& lengths,
                                      std::string_view pooling, uint64_t mask_seed);

// The sentence about a density= that was missed by more than a tenth, by a term whose masks keep
// `kept` of `entries`; none where it was met.
std::optional<std::string> DensityMissed(const Pattern& term, const Density& wanted, double kept,
                                         double entries);

// The first of these alone: it needs no texts.
std::vector<std::string> DenseRuleWarnings(const Plan& plan);

}  // namespace sparsweep
