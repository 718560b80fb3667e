// BERT or RoBERTa with a task's head, as one trial trains it: a copy of the checkpoint's weights
// and the forward pass with a mask per layer and head.
//
// The word table holds only the rows of tokens that the trial's data contains, and the position
// table only the max_length rows that texts reach: no gradient ever reaches the others, so AdamW
// would do nothing but decay them, and nothing reads them. (export.h, which writes a full
// checkpoint, does what it would have done.) One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "attention/attention.h"
#include "trainer/batches.h"
#include "trainer/checkpoint.h"
#include "trainer/degrees.h"
#include "trainer/head.h"
#include "trainer/layers.h"

namespace sparsweep {

struct Parameter {
  std::string name;
  at::Tensor value;  // requires a gradient unless it is frozen
  bool decays;       // weight decay applies: not to biases and LayerNorm
  double rate = 1;   // factor of the learning rate
};

struct BertOptions {
  std::vector<int32_t> vocabulary;  // token id of each row of the word table
  int max_length = 0;               // rows of the position table
  HeadOptions head;
  at::Device device = at::kCPU;
  at::ScalarType precision = at::kFloat;  // of the encoder's products: kFloat or kBFloat16
  bool recompute = false;                 // layers keep their inputs alone for the backward pass
  bool freeze_embeddings = false;
  int freeze_layers = 0;   // the first n
  double layer_decay = 1;  // of the learning rate, for each layer below the top one
};

// What one pass needs besides the batch. `threshold` 0: no dropout (evaluation).
struct Pass {
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t threshold = 0;
  DropoutStream Stream(DropoutSite site, int layer) const {
    return {seed, step, site, static_cast<uint32_t>(layer), threshold};
  }
};

class Bert {
 public:
  // `masks` must outlive the model and have its layers and heads.
  Bert(const Checkpoint& checkpoint, const BertOptions& options, const MaskPlan& masks);

  // The last hidden states, float32 [B, N, hidden]. `states`, if given, receives all [B*N, hidden]:
  // embeddings first, then every layer's output. With `recompute` batch, attention and this model
  // are used again by the backward pass.
  at::Tensor Encode(const Batch& batch, AttentionBatch& attention, const Pass& pass,
                    std::vector<at::Tensor>* states = nullptr) const;
  // What the head makes of them (head.h).
  at::Tensor Logits(const Batch& batch, AttentionBatch& attention, const Pass& pass,
                    std::vector<at::Tensor>* states = nullptr) const;

  // The attention of one layer; the only way in which Encode computes it, and what is attested.
  at::Tensor LayerAttention(int layer, const at::Tensor& qkv, AttentionBatch& attention,
                            const DropoutStream& dropout) const;
  AttentionPath HeadPath(int layer, int head) const { return masks_->layer(layer).path(head); }

  // What is used from now on; must outlive the model or the next call. Degrees are needed for masks
  // with learned patterns.
  void UseMasks(const MaskPlan& masks) { masks_ = &masks; }
  const MaskPlan& masks() const { return *masks_; }
  void UseDegrees(const Degrees& degrees) { degrees_ = &degrees; }

  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const BertConfig& config() const { return config_; }
  const BertOptions& options() const { return options_; }

 private:
  struct Layer {
    Projection qkv, attention_output, intermediate, output;
    Norm attention_norm, output_norm;
  };

  at::Tensor Own(const std::string& name, const at::Tensor& source);
  Projection OwnProjection(const Checkpoint& checkpoint, const std::string& name);
  Norm OwnNorm(const Checkpoint& checkpoint, const std::string& name);
  at::Tensor Through(int layer, const at::Tensor& x, AttentionBatch& attention,
                     const Pass& pass) const;

  BertConfig config_;
  BertOptions options_;
  const MaskPlan* masks_;
  const Degrees* degrees_ = nullptr;
  EmbeddingTables tables_;
  Norm embedding_norm_;
  std::vector<Layer> layers_;
  Head head_;
  std::vector<Parameter> parameters_;
};

}  // namespace sparsweep
