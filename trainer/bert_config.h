// config.json of a BERT or RoBERTa in Hugging Face layout: the numbers that the model needs,
// checked.
#pragma once

#include <string>

#include "core/result.h"

namespace sparsweep {

enum class Architecture { kBert, kRoberta };

struct BertConfig {
  int hidden = 0;                   // hidden_size
  int layers = 0;                   // num_hidden_layers
  int heads = 0;                    // num_attention_heads
  int intermediate = 0;             // intermediate_size
  int vocab = 0;                    // vocab_size
  int max_positions = 0;            // of a text: max_position_embeddings - position_offset
  int types = 2;                    // type_vocab_size
  double norm_epsilon = 1e-12;      // layer_norm_eps
  double initializer_range = 0.02;  // of weights that the checkpoint lacks
  Architecture architecture = Architecture::kBert;
  int pad_token = 0;
  int position_offset = 0;  // row of the first token's position: RoBERTa counts from pad_token + 1
};

// Refuses an architecture that this trainer does not have, and numbers that do not fit together.
Result<BertConfig> ReadBertConfig(const std::string& folder);

}  // namespace sparsweep
