// What a model's config.json says, as far as a plan needs it. Not here: weights.
#pragma once

#include <string>

#include "core/grid.h"
#include "core/result.h"

namespace sparsweep {

// Fills layers, heads, hidden, vocab and max_positions. max_positions is that of
// a text. Refuses architectures other than BERT and RoBERTa, and numbers that cannot be.
Status ReadModelConfig(const std::string& json_text, ResolvedModel* model);

}  // namespace sparsweep
