// Source text of the attention language as rules: which layers and heads, which pattern.
//
//   attention = rule { ";" rule }
//   rule      = [ scope ":" ] pattern
//   scope     = layers [ heads ] | heads
//   layers    = "all" | "first" INT | "last" INT | "layer" ranges | "layers" ranges
//   heads     = "head" ranges | "heads" ranges
//   ranges    = INT [ "-" INT ] { "," INT [ "-" INT ] }
//   pattern   = term { "+" term }
//   term      = factor { "&" factor }
//   factor    = NAME [ "(" arg { "," arg } ")" ] | "(" pattern ")"
//   arg       = [ NAME "=" ] ( NUMBER | NAME | INT ":" INT { ":" INT } )
//
// Everything that can be refused is refused here, with a caret; what comes out is as written, not
// yet in canonical form (core/canonical.h). Any thread.
#pragma once

#include <vector>

#include "core/pattern.h"
#include "core/plan_context.h"
#include "core/result.h"
#include "core/splice.h"

namespace sparsweep {

// Limits that no plan a person writes comes near, so that hostile text costs little.
inline constexpr int kMaxNesting = 100;  // parentheses inside parentheses
inline constexpr int kMaxFactorsPerRule = 256;

struct AttentionRule {
  std::vector<bool> layers;  // one per layer of the model
  std::vector<bool> heads;   // one per head
  Pattern pattern;
};

// At least one rule. The sizes of the context are at least 1 each.
Result<std::vector<AttentionRule>> ParseAttention(const Spliced& source,
                                                  const PlanContext& context);

}  // namespace sparsweep
