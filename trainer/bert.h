// BERT with a sequence classifier, as one trial trains it: a copy of the checkpoint's weights, the
// heads that the checkpoint lacks, and the forward pass with a mask per layer and head.
//
// The word table holds only the rows of tokens that the trial's data contains, and the position
// table only the first max_length rows: no gradient ever reaches the others, so AdamW would do
// nothing but decay them, and nothing reads them. (Who writes a full checkpoint multiplies them by
// the product of (1 - lr * weight_decay) over the steps.) One thread.
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
#include "trainer/layers.h"

namespace sparsweep {

struct Parameter {
  std::string name;
  at::Tensor value;
  bool decays;  // weight decay applies: not to biases and LayerNorm
};

struct BertOptions {
  std::vector<int32_t> vocabulary;  // token id of each row of the word table
  int max_length = 0;               // rows of the position table
  int labels = 2;
  bool mean_pooling = false;  // else [CLS] through the pooler
  uint64_t seed = 0;          // of weights that the checkpoint lacks
  at::Device device = at::kCPU;
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

  // [B, labels]. `states`, if given, receives the hidden states [B*N, hidden]: embeddings first,
  // then every layer's output.
  at::Tensor Logits(const Batch& batch, AttentionBatch& attention, const Pass& pass,
                    std::vector<at::Tensor>* states = nullptr) const;

  // The attention of one layer; the only way in which Logits computes it, and what is attested.
  at::Tensor LayerAttention(int layer, const at::Tensor& qkv, AttentionBatch& attention,
                            const DropoutStream& dropout) const;
  AttentionPath HeadPath(int layer, int head) const { return masks_->layer(layer).path(head); }

  // What is used from now on; must outlive the model or the next call. Degrees are needed for masks
  // with learned patterns.
  void UseMasks(const MaskPlan& masks) { masks_ = &masks; }
  const MaskPlan& masks() const { return *masks_; }
  void UseDegrees(const Degrees& degrees) { degrees_ = &degrees; }

  std::vector<Parameter>& parameters() { return parameters_; }
  const BertConfig& config() const { return config_; }

 private:
  struct Projection {
    at::Tensor w, b;
  };
  struct Layer {
    Projection qkv, attention_output, intermediate, output;
    Norm attention_norm, output_norm;
  };

  at::Tensor Own(const std::string& name, const at::Tensor& source);
  Projection OwnProjection(const Checkpoint& checkpoint, const std::string& name);
  Norm OwnNorm(const Checkpoint& checkpoint, const std::string& name);
  Projection FreshProjection(const std::string& name, int64_t out, uint32_t which);

  BertConfig config_;
  BertOptions options_;
  const MaskPlan* masks_;
  const Degrees* degrees_ = nullptr;
  EmbeddingTables tables_;
  Norm embedding_norm_;
  std::vector<Layer> layers_;
  Projection pooler_;  // unused (undefined) with mean pooling
  Projection classifier_;
  std::vector<Parameter> parameters_;
};

}  // namespace sparsweep
