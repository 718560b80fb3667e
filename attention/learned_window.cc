#include "attention/learned_window.h"

#include <ATen/ATen.h>

#include <cmath>

namespace sparsweep {
namespace {

constexpr double kStartAtMax = 0.9;

}  // namespace

at::Tensor InitialDegreeLogits(int max) {
  at::Tensor logits = at::zeros({max + 1}, at::kFloat);
  if (max == 0) return logits;
  logits.fill_(std::log((1 - kStartAtMax) / max));
  logits[max] = std::log(kStartAtMax);
  return logits;
}

at::Tensor DegreeProbabilities(const at::Tensor& logits) { return at::softmax(logits, -1); }

at::Tensor LearnedWindowWeights(const at::Tensor& logits) {
  // As a product: CUDA's cumulative sum is not deterministic.
  const int64_t count = logits.size(-1);
  at::Tensor reaches = at::ones({count, count}, logits.options().requires_grad(false)).tril();
  return at::matmul(DegreeProbabilities(logits), reaches);
}

}  // namespace sparsweep
