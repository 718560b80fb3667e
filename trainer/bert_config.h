// config.json of a BERT in Hugging Face layout: the numbers that the model needs, checked.
#pragma once

#include <string>

#include "core/result.h"

namespace sparsweep {

struct BertConfig {
  int hidden = 0;                   // hidden_size
  int layers = 0;                   // num_hidden_layers
  int heads = 0;                    // num_attention_heads
  int intermediate = 0;             // intermediate_size
  int vocab = 0;                    // vocab_size
  int max_positions = 0;            // max_position_embeddings
  int types = 2;                    // type_vocab_size
  double norm_epsilon = 1e-12;      // layer_norm_eps
  double initializer_range = 0.02;  // of heads that the checkpoint lacks
};

// Refuses an architecture that this trainer does not have, and numbers that do not fit together.
Result<BertConfig> ReadBertConfig(const std::string& folder);

}  // namespace sparsweep
