// The window of learned_window: the complementary CDF of a learned distribution over one-sided
// degrees, s(x) = P(degree >= x) ("Breaking BERT", arXiv 2210.03841, section 3, after LDPC degree
// distributions). Differentiable in the logits. Not here: attention under it (soft_window.h), and
// what it is hardened to (core/learned_degrees.h). Any thread.
#pragma once

#include <ATen/core/Tensor.h>

namespace sparsweep {

// log P for P(max) = 0.9 and the rest uniform: [max + 1], float32. Certain where max is 0.
at::Tensor InitialDegreeLogits(int max);

// P over the degrees 0..max: the softmax of logits [.., max + 1].
at::Tensor DegreeProbabilities(const at::Tensor& logits);

// s over the distances 0..max, shaped like the logits.
at::Tensor LearnedWindowWeights(const at::Tensor& logits);

}  // namespace sparsweep
