// Attention by LibTorch's operators, for any device, dtype and head size: the same numbers as the CPU
// kernels. Dense and masked heads are computed over the padded batch under log M; heads on the block
// and window paths strip by strip of their tiles, so that they need no N x N memory here either.
// Not here: the choice between this and the kernels (attention.cc). One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/attention.h"

namespace sparsweep {

// As Attend.
at::Tensor PortableAttention(const at::Tensor& qkv, const LayerMasks& masks, AttentionBatch& batch,
                             const DropoutStream& dropout);

}  // namespace sparsweep
