// Attention that weighs keys by their distance, which is how learned patterns are trained:
//
//   P_ij = w(|i-j|) exp(q_ij) / sum_k w(|i-k|) exp(q_ik),   q = Q K^T / sqrt(d),   out = P V
//
// with a window w of one weight >= 0 per distance and head, differentiable in qkv and in the
// windows: with D_i = sum_j P_ij dP_ij, dL/dw(x) = sum over |i-j| = x of exp(q_ij - LSE_i)(dP_ij -
// D_i), where LSE is of the weighted row ("Adaptive Attention Span", arXiv 1905.07799, from eq. 5).
//
// Two implementations of the same numbers: a kernel for float32 on the CPU with d a multiple of 16,
// and LibTorch's operators for the rest. Not here: where windows come from (learned_window.h,
// adaptive_span.h). One thread calls; the kernel spreads (example, head) pairs over LibTorch's
// pool.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "attention/attention.h"
#include "attention/dropout.h"

namespace sparsweep {

// qkv [B, N, 3*heads*d] as in Attend; windows [which.size(), distances], row k for head which[k],
// weight 0 beyond the last distance; w(0) > 0, so that no row is empty. Returns [B, N, heads*d]
// with 0 for the heads that are not in `which` (ascending) and for padding. `lengths` must outlive
// the backward pass.
at::Tensor SoftWindowAttention(const at::Tensor& qkv, int heads, const std::vector<int>& which,
                               const at::Tensor& windows, const std::vector<int>& lengths,
                               const DropoutStream& dropout, Implementation implementation);

}  // namespace sparsweep
