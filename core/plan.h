// The resolved attention of a cell: one canonical pattern per layer and head.
//
// Text comes in (after `$axis` values were spliced, see core/splice.h), is parsed, checked against
// the model's layers and heads, and put in canonical form: equal canonical text implies equal
// masks. Nothing here knows of tokens, tensors or sweeps. A value: any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/pattern.h"
#include "core/plan_context.h"
#include "core/result.h"
#include "core/splice.h"

namespace sparsweep {

class Plan {
 public:
  // Parses and resolves. Errors carry the text with a caret under the offending place; the first
  // line alone is a whole sentence (FirstLine in core/caret.h).
  static Result<Plan> Resolve(std::string_view attention, const PlanContext& context);
  // The same for a spliced template: errors also name the axis that the place came from.
  static Result<Plan> Resolve(const Spliced& attention, const PlanContext& context);

  // Legal attention text that resolves to this very plan; "dense" for a wholly dense one.
  const std::string& canonical() const { return canonical_; }

  const PlanContext& context() const { return context_; }
  int layers() const { return context_.layers; }
  int heads() const { return context_.heads; }

  // The canonical pattern of one head, 0 <= layer < layers(), 0 <= head < heads(). Cells with equal
  // patterns share one object, so that its address can stand for it while this plan lives.
  const Pattern& at(int layer, int head) const { return patterns_[index(layer, head)]; }
  // The distinct patterns, and which of them a cell has: at(l, h) == patterns()[index(l, h)].
  const std::vector<Pattern>& patterns() const { return patterns_; }
  int index(int layer, int head) const { return cells_[layer * context_.heads + head]; }

  // Rules that say something else than `dense` and mean it, in the order of the text. A plan that
  // was resolved from canonical text has none.
  const std::vector<Pattern>& became_dense() const { return became_dense_; }

  bool is_dense() const { return canonical_ == "dense"; }
  // Whether some mask depends on the mask seed.
  bool draws() const { return AnyOf(Draws); }
  // Whether some mask comes from the words of its text.
  bool needs_text() const { return AnyOf(NeedsText); }
  // Whether masks of one length may differ between examples.
  bool per_example() const { return AnyOf(IsPerExample); }
  // Whether some degree is learned.
  bool learned() const { return AnyOf(IsLearned); }
  // Whether some mask has weights beside its entries.
  bool weighted() const { return AnyOf(IsWeighted); }

 private:
  bool AnyOf(bool (*holds)(const Pattern&)) const {
    return std::any_of(patterns_.begin(), patterns_.end(), holds);
  }
  std::string CanonicalText() const;

  PlanContext context_;
  std::string canonical_;
  std::vector<Pattern> patterns_;  // in order of their first cell
  std::vector<Pattern> became_dense_;
  std::vector<int> cells_;  // layers x heads, indices into patterns_
};

}  // namespace sparsweep
