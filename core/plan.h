// The resolved attention of a cell: one canonical pattern per layer and head.
//
// Text comes in (after `$axis` values were spliced, see core/splice.h), is parsed, checked against
// the model's layers and heads, and put in canonical form: equal canonical text implies equal
// masks. Nothing here knows of tokens, tensors or sweeps.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/pattern.h"
#include "core/result.h"

namespace sparsweep {

// What a plan is resolved against.
struct PlanContext {
  int layers = 0;
  int heads = 0;
  int max_length = 0;  // L_max of the canonical form, in tokens
};

class Plan {
 public:
  // Parses and resolves. Errors carry the text with a caret under the offending place.
  static Result<Plan> Resolve(std::string_view attention, const PlanContext& context);

  // Legal attention text that resolves to this very plan; "dense" for a wholly dense one.
  const std::string& canonical() const { return canonical_; }

  const PlanContext& context() const { return context_; }
  int layers() const { return context_.layers; }
  int heads() const { return context_.heads; }

  // The canonical pattern of one head, 0 <= layer < layers(), 0 <= head < heads().
  const Pattern& at(int layer, int head) const { return *cells_[layer * context_.heads + head]; }

  bool is_dense() const { return canonical_ == "dense"; }
  // Whether some mask depends on the mask seed.
  bool draws() const { return draws_; }

 private:
  PlanContext context_;
  std::string canonical_;
  bool draws_ = false;
  std::vector<std::shared_ptr<const Pattern>> cells_;  // layers x heads, shared where equal
};

}  // namespace sparsweep
