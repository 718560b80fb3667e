#include "trainer/head.h"

#include <ATen/ATen.h>

#include "trainer/random_weights.h"

namespace sparsweep {
namespace {

// The mean of the real tokens as a product: [B, 1, N] x [B, N, hidden].
at::Tensor MeanOfTokens(const at::Tensor& states, const std::vector<int>& lengths) {
  at::Tensor length = at::tensor(std::vector<int64_t>(lengths.begin(), lengths.end()), at::kLong)
                          .to(states.device());
  at::Tensor real =
      at::arange(states.size(1), states.device()).unsqueeze(0).lt(length.unsqueeze(1));
  at::Tensor share = real.to(at::kFloat) / length.unsqueeze(1);
  return at::bmm(share.unsqueeze(1), states).squeeze(1);
}

}  // namespace

Head::Head(const Checkpoint& checkpoint, const HeadOptions& options, const at::Tensor& words,
           const Own& own)
    : options_(options), roberta_(checkpoint.config.architecture == Architecture::kRoberta) {
  const BertConfig& config = checkpoint.config;
  const auto take = [&](const std::string& name, int64_t out, uint32_t which, bool stored) {
    const auto w = checkpoint.tensors.find(name + ".weight");
    const auto b = checkpoint.tensors.find(name + ".bias");
    if (stored && w != checkpoint.tensors.end() && b != checkpoint.tensors.end() &&
        w->second.sizes() == at::IntArrayRef({out, config.hidden})) {
      return Projection{own(w->first, w->second), own(b->first, b->second)};
    }
    return Projection{
        own(name + ".weight",
            NormalWeights({out, config.hidden}, config.initializer_range, options.seed, which)),
        own(name + ".bias", at::zeros({out}))};
  };
  if (options.kind == HeadKind::kMaskedLm) {
    const auto stored = [&](const std::string& name, const at::Tensor& otherwise) {
      const auto found = checkpoint.tensors.find(name);
      const bool usable =
          found != checkpoint.tensors.end() && found->second.sizes() == otherwise.sizes();
      return own(name, usable ? found->second : otherwise);
    };
    const std::string prefix = roberta_ ? "lm_head." : "cls.predictions.";
    dense_ = take(prefix + (roberta_ ? "dense" : "transform.dense"), config.hidden, 3, true);
    const std::string norm = prefix + (roberta_ ? "layer_norm" : "transform.LayerNorm");
    norm_ = {stored(norm + ".weight", at::ones({config.hidden})),
             stored(norm + ".bias", at::zeros({config.hidden})), config.norm_epsilon};
    output_ = {words, stored(prefix + "bias", at::zeros({words.size(0)}))};
    return;
  }
  if (options.kind == HeadKind::kSpan) {
    output_ = take("qa_outputs", options.outputs, 2, options.trained);
    return;
  }
  const bool first_token = !options.mean_pooling;
  // BERT's pooler is part of what was pre-trained, RoBERTa's dense layer belongs to the task.
  if (first_token && !roberta_) dense_ = take("pooler.dense", config.hidden, 1, true);
  if (first_token && roberta_) {
    dense_ = take("classifier.dense", config.hidden, 1, options.trained);
  }
  output_ = take(first_token && roberta_ ? "classifier.out_proj" : "classifier", options.outputs, 2,
                 options.trained);
}

at::Tensor Head::Logits(const at::Tensor& states, const Batch& batch, const HeadDropout& dropout,
                        Implementation implementation) const {
  if (options_.kind == HeadKind::kSpan) return at::linear(states, output_.w, output_.b);
  if (options_.kind == HeadKind::kMaskedLm) {
    at::Tensor x = states.reshape({-1, states.size(2)});
    if (batch.asked.defined()) x = x.index_select(0, batch.asked);
    x = LinearGelu(x, dense_.w, dense_.b, implementation);
    x = at::layer_norm(x, {x.size(1)}, norm_.gamma, norm_.beta, norm_.epsilon);
    return Linear(x, output_.w, output_.b, implementation);
  }
  at::Tensor pooled;
  if (options_.mean_pooling) {
    pooled = MeanOfTokens(states, batch.lengths);
  } else {
    at::Tensor first = states.select(1, 0);
    if (roberta_) first = Dropout(first, dropout.features, implementation);
    pooled = at::tanh(at::linear(first, dense_.w, dense_.b));
  }
  return at::linear(Dropout(pooled, dropout.pooled, implementation), output_.w, output_.b);
}

}  // namespace sparsweep
