#include "trainer/bert.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "attention/soft_window.h"
#include "trainer/layout.h"
#include "trainer/recompute.h"

namespace sparsweep {
namespace {

constexpr int kHeadDepth = -1;

// How many encoder layers lie above a parameter's own: 0 for those of the top layer, all for
// embeddings.
int Depth(const std::string& name, int layers) {
  constexpr std::string_view kLayer = "encoder.layer.";
  if (name.starts_with("embeddings.")) return layers;
  if (!name.starts_with(kLayer)) return kHeadDepth;
  return layers - 1 - std::stoi(name.substr(kLayer.size()));
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
  tables_.position = Own(e + "position_embeddings.weight",
                         from.at(e + "position_embeddings.weight")
                             .narrow(0, config_.position_offset, options.max_length));
  tables_.type =
      Own(e + "token_type_embeddings.weight", from.at(e + "token_type_embeddings.weight"));
  embedding_norm_ = OwnNorm(checkpoint, "embeddings.LayerNorm");
  for (int i = 0; i < config_.layers; ++i) {
    const std::string l = LayerPrefix(i);
    Layer layer;
    layer.qkv = OwnProjection(checkpoint, l + "attention.self.qkv");
    layer.attention_output = OwnProjection(checkpoint, l + "attention.output.dense");
    layer.attention_norm = OwnNorm(checkpoint, l + "attention.output.LayerNorm");
    layer.intermediate = OwnProjection(checkpoint, l + "intermediate.dense");
    layer.output = OwnProjection(checkpoint, l + "output.dense");
    layer.output_norm = OwnNorm(checkpoint, l + "output.LayerNorm");
    layers_.push_back(std::move(layer));
  }
  head_ =
      Head(checkpoint, options.head, tables_.word,
           [&](const std::string& name, const at::Tensor& source) { return Own(name, source); });
}

at::Tensor Bert::Own(const std::string& name, const at::Tensor& source) {
  const int depth = Depth(name, config_.layers);
  const bool frozen = depth == config_.layers
                          ? options_.freeze_embeddings
                          : depth >= 0 && config_.layers - 1 - depth < options_.freeze_layers;
  at::Tensor value = source.to(options_.device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  value = value.contiguous().requires_grad_(!frozen);
  const bool decays = !name.ends_with("bias") && name.find("LayerNorm") == std::string::npos &&
                      name.find("layer_norm") == std::string::npos;
  const double rate = depth > 0 ? std::pow(options_.layer_decay, depth) : 1;
  parameters_.push_back({name, value, decays, rate});
  return value;
}

Projection Bert::OwnProjection(const Checkpoint& checkpoint, const std::string& name) {
  return {Own(name + ".weight", checkpoint.tensors.at(name + ".weight")),
          Own(name + ".bias", checkpoint.tensors.at(name + ".bias"))};
}

Norm Bert::OwnNorm(const Checkpoint& checkpoint, const std::string& name) {
  return {Own(name + ".weight", checkpoint.tensors.at(name + ".weight")),
          Own(name + ".bias", checkpoint.tensors.at(name + ".bias")), config_.norm_epsilon};
}

at::Tensor Bert::LayerAttention(int layer, const at::Tensor& qkv, AttentionBatch& attention,
                                const DropoutStream& dropout) const {
  const LayerMasks& masks = masks_->layer(layer);
  if (!masks.learned()) return Attend(qkv, masks, attention, dropout);
  const SoftWindows soft = degrees_->Windows(layer);
  int64_t entries = 0;  // a soft window weighs every pair of tokens
  for (int n : attention.lengths()) entries += int64_t{n} * n;
  attention.CountProducts(kProducts, entries * static_cast<int64_t>(soft.heads.size()),
                          config_.hidden / config_.heads,
                          qkv.requires_grad() && at::GradMode::is_enabled());
  at::Tensor out = SoftWindowAttention(qkv, config_.heads, soft.heads, soft.weights,
                                       attention.lengths(), dropout, attention.implementation());
  if (static_cast<int>(soft.heads.size()) == config_.heads) return out;
  return out + Attend(qkv, masks, attention, dropout);  // each is 0 in the other's heads
}

at::Tensor Bert::Through(int layer, const at::Tensor& x, AttentionBatch& attention,
                         const Pass& pass) const {
  const Compute how(attention.implementation(), options_.precision);
  const int64_t count = attention.size(), padded = attention.padded(), hidden = config_.hidden;
  const Layer& l = layers_[layer];
  at::Tensor qkv = Linear(x, l.qkv.w, l.qkv.b, how).view({count, padded, 3 * hidden});
  at::Tensor context =
      LayerAttention(layer, qkv, attention, pass.Stream(DropoutSite::kAttention, layer));
  at::Tensor middle = LinearAddNorm(context.view({count * padded, hidden}), l.attention_output.w,
                                    l.attention_output.b, x, l.attention_norm,
                                    pass.Stream(DropoutSite::kAttentionOutput, layer), how);
  at::Tensor inner = LinearGelu(middle, l.intermediate.w, l.intermediate.b, how);
  return LinearAddNorm(inner, l.output.w, l.output.b, middle, l.output_norm,
                       pass.Stream(DropoutSite::kOutput, layer), how);
}

at::Tensor Bert::Encode(const Batch& batch, AttentionBatch& attention, const Pass& pass,
                        std::vector<at::Tensor>* states) const {
  at::Tensor x = Embed(batch.ids, batch.types, tables_, embedding_norm_,
                       pass.Stream(DropoutSite::kEmbeddings, 0), attention.implementation());
  if (states) states->push_back(x);
  for (int i = 0; i < config_.layers; ++i) {
    const auto layer = [this, i, &attention, pass](const at::Tensor& in) {
      return Through(i, in, attention, pass);
    };
    const bool learns = x.requires_grad() || i >= options_.freeze_layers;
    x = options_.recompute && learns ? Recomputed(layer, x) : layer(x);
    if (states) states->push_back(x);
  }
  return x.view({attention.size(), attention.padded(), config_.hidden});
}

at::Tensor Bert::Logits(const Batch& batch, AttentionBatch& attention, const Pass& pass,
                        std::vector<at::Tensor>* states) const {
  const HeadDropout dropout{pass.Stream(DropoutSite::kPooled, 1),
                            pass.Stream(DropoutSite::kPooled, 0)};
  return head_.Logits(Encode(batch, attention, pass, states), batch, dropout,
                      attention.implementation());
}

}  // namespace sparsweep
