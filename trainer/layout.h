// The tensors of an encoder in Hugging Face layout: names without the model's prefix, and shapes.
// The one list that loading, random weights and saving share. Not here: heads (head.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/bert_config.h"

namespace sparsweep {

struct LayoutTensor {
  std::string name;
  std::vector<int64_t> shape;
};

// In a fixed order, which random weights rely on: embeddings, then layer by layer.
std::vector<LayoutTensor> EncoderLayout(const BertConfig& config);

// "encoder.layer.I."
std::string LayerPrefix(int layer);

}  // namespace sparsweep
