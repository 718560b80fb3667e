// The window of adaptive_span: m_z(x) = clamp((ramp + z - x) / ramp, 0, 1) with a span z in
// [0, max] that is learned ("Adaptive Attention Span", arXiv 1905.07799, eq. 3). Differentiable in
// u, where z = max * sigmoid(u). Not here: attention under it (soft_window.h), and what it is
// hardened to (core/learned_degrees.h). Any thread.
#pragma once

#include <ATen/core/Tensor.h>

namespace sparsweep {

// u of a span that starts at 0.9 max: [], float32.
at::Tensor InitialSpan();

// z of u, any shape.
at::Tensor SpanOf(const at::Tensor& u, int max);

// m over the distances 0..distances-1: [spans, distances] for u [spans].
at::Tensor AdaptiveSpanWeights(const at::Tensor& u, int max, int ramp, int distances);

}  // namespace sparsweep
