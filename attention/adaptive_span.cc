#include "attention/adaptive_span.h"

#include <ATen/ATen.h>

#include <cmath>

namespace sparsweep {

at::Tensor InitialSpan() { return at::full({}, std::log(9.0), at::kFloat); }  // sigmoid: 0.9

at::Tensor SpanOf(const at::Tensor& u, int max) { return at::sigmoid(u) * max; }

at::Tensor AdaptiveSpanWeights(const at::Tensor& u, int max, int ramp, int distances) {
  at::Tensor x = at::arange(distances, u.options().requires_grad(false));
  return ((SpanOf(u, max).unsqueeze(-1) + ramp - x) / ramp).clamp(0, 1);
}

}  // namespace sparsweep
