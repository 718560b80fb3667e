#include "trainer/bert.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "attention/soft_window.h"
#include "core/philox.h"

namespace sparsweep {
namespace {

// Normal draws of the stream (seed, initial weights, which), by Box-Muller.
at::Tensor NormalWeights(at::IntArrayRef shape, double deviation, uint64_t seed, uint32_t which) {
  at::Tensor weights = at::empty(shape, at::kFloat);
  float* to = weights.mutable_data_ptr<float>();
  for (int64_t i = 0; i < weights.numel(); i += 2) {
    auto words = Philox4x32({static_cast<uint32_t>(i / 2), which,
                             static_cast<uint32_t>(StreamPurpose::kInitialWeights) << 24, 0},
                            {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
    auto uniform = [&](int w) {  // in (0, 1)
      uint64_t u = uint64_t{words[w]} << 32 | words[w + 1];
      return (static_cast<double>(u >> 11) + 0.5) * 0x1p-53;
    };
    double radius = std::sqrt(-2 * std::log(uniform(0))) * deviation;
    double angle = 2 * std::numbers::pi * uniform(2);
    to[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < weights.numel()) to[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return weights;
}

}  // namespace

Bert::Bert(const Checkpoint& checkpoint, const BertOptions& options, const MaskPlan& masks)
    : config_(checkpoint.config), options_(options), masks_(&masks) {
  const auto& from = checkpoint.tensors;
  const std::string e = "embeddings.";
  at::Tensor rows =
      at::tensor(std::vector<int64_t>(options.vocabulary.begin(), options.vocabulary.end()));
  tables_.word = Own(e + "word_embeddings.weight",
                     from.at(e + "word_embeddings.weight").index_select(0, rows));
  tables_.position =
      Own(e + "position_embeddings.weight",
          from.at(e + "position_embeddings.weight").narrow(0, 0, options.max_length));
  tables_.type =
      Own(e + "token_type_embeddings.weight", from.at(e + "token_type_embeddings.weight"));
  embedding_norm_ = OwnNorm(checkpoint, "embeddings.LayerNorm");
  for (int i = 0; i < config_.layers; ++i) {
    const std::string l = "encoder.layer." + std::to_string(i) + ".";
    Layer layer;
    layer.qkv = OwnProjection(checkpoint, l + "attention.self.qkv");
    layer.attention_output = OwnProjection(checkpoint, l + "attention.output.dense");
    layer.attention_norm = OwnNorm(checkpoint, l + "attention.output.LayerNorm");
    layer.intermediate = OwnProjection(checkpoint, l + "intermediate.dense");
    layer.output = OwnProjection(checkpoint, l + "output.dense");
    layer.output_norm = OwnNorm(checkpoint, l + "output.LayerNorm");
    layers_.push_back(std::move(layer));
  }
  if (!options.mean_pooling) {
    pooler_ = from.contains("pooler.dense.weight")
                  ? OwnProjection(checkpoint, "pooler.dense")
                  : FreshProjection("pooler.dense", config_.hidden, 1);
  }
  classifier_ = FreshProjection("classifier", options.labels, 2);
}

at::Tensor Bert::Own(const std::string& name, const at::Tensor& source) {
  at::Tensor value = source.to(options_.device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  value = value.contiguous().requires_grad_(true);
  bool decays = !name.ends_with("bias") && name.find("LayerNorm") == std::string::npos;
  parameters_.push_back({name, value, decays});
  return value;
}

Bert::Projection Bert::OwnProjection(const Checkpoint& checkpoint, const std::string& name) {
  return {Own(name + ".weight", checkpoint.tensors.at(name + ".weight")),
          Own(name + ".bias", checkpoint.tensors.at(name + ".bias"))};
}

Norm Bert::OwnNorm(const Checkpoint& checkpoint, const std::string& name) {
  return {Own(name + ".weight", checkpoint.tensors.at(name + ".weight")),
          Own(name + ".bias", checkpoint.tensors.at(name + ".bias")), config_.norm_epsilon};
}

Bert::Projection Bert::FreshProjection(const std::string& name, int64_t out, uint32_t which) {
  return {Own(name + ".weight", NormalWeights({out, config_.hidden}, config_.initializer_range,
                                              options_.seed, which)),
          Own(name + ".bias", at::zeros({out}))};
}

at::Tensor Bert::LayerAttention(int layer, const at::Tensor& qkv, AttentionBatch& attention,
                                const DropoutStream& dropout) const {
  const LayerMasks& masks = masks_->layer(layer);
  if (!masks.learned()) return Attend(qkv, masks, attention, dropout);
  const SoftWindows soft = degrees_->Windows(layer);
  int64_t entries = 0;  // a soft window weighs every pair of tokens
  for (int n : attention.lengths()) entries += int64_t{n} * n;
  attention.CountProducts(kProducts, entries * static_cast<int64_t>(soft.heads.size()),
                          config_.hidden / config_.heads);
  at::Tensor out = SoftWindowAttention(qkv, config_.heads, soft.heads, soft.weights,
                                       attention.lengths(), dropout, attention.implementation());
  if (static_cast<int>(soft.heads.size()) == config_.heads) return out;
  return out + Attend(qkv, masks, attention, dropout);  // each is 0 in the other's heads
}

at::Tensor Bert::Logits(const Batch& batch, AttentionBatch& attention, const Pass& pass,
                        std::vector<at::Tensor>* states) const {
  const Implementation how = attention.implementation();
  const int64_t count = attention.size(), padded = attention.padded(), hidden = config_.hidden;
  at::Tensor x = Embed(batch.ids, batch.types, tables_, embedding_norm_,
                       pass.Stream(DropoutSite::kEmbeddings, 0), how);
  if (states) states->push_back(x);
  for (int i = 0; i < config_.layers; ++i) {
    const Layer& l = layers_[i];
    at::Tensor qkv = Linear(x, l.qkv.w, l.qkv.b, how).view({count, padded, 3 * hidden});
    at::Tensor context = LayerAttention(i, qkv, attention, pass.Stream(DropoutSite::kAttention, i));
    x = LinearAddNorm(context.view({count * padded, hidden}), l.attention_output.w,
                      l.attention_output.b, x, l.attention_norm,
                      pass.Stream(DropoutSite::kAttentionOutput, i), how);
    at::Tensor inner = LinearGelu(x, l.intermediate.w, l.intermediate.b, how);
    x = LinearAddNorm(inner, l.output.w, l.output.b, x, l.output_norm,
                      pass.Stream(DropoutSite::kOutput, i), how);
    if (states) states->push_back(x);
  }
  x = x.view({count, padded, hidden});
  at::Tensor pooled;
  if (options_.mean_pooling) {
    std::vector<int64_t> lengths(batch.lengths.begin(), batch.lengths.end());
    at::Tensor length = at::tensor(lengths, at::kLong).to(x.device());
    at::Tensor real = at::arange(padded, x.device()).unsqueeze(0).lt(length.unsqueeze(1));
    // The mean of the real tokens as a product: [B, 1, N] x [B, N, hidden].
    at::Tensor share = real.to(at::kFloat) / length.unsqueeze(1);
    pooled = at::bmm(share.unsqueeze(1), x).squeeze(1);
  } else {
    pooled = at::tanh(at::linear(x.select(1, 0), pooler_.w, pooler_.b));
  }
  pooled = Dropout(pooled, pass.Stream(DropoutSite::kPooled, 0), how);
  return at::linear(pooled, classifier_.w, classifier_.b);
}

}  // namespace sparsweep
