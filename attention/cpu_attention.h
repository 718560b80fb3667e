// The CPU kernel of attention (float32, head size a multiple of 16): forward and backward of one
// (example, head) at a time, over its real tokens only. Not here: autograd and the choice of
// implementation (attention.cc). Spreads pairs over LibTorch's pool.
#pragma once

#include <cstdint>
#include <vector>

#include "attention/dropout.h"
#include "attention/mask_plan.h"

namespace sparsweep {

struct AttentionShape {
  int batch, padded, heads, head_size;
  const std::vector<int>* lengths;
  const LayerMasks* masks;
  int hidden() const { return heads * head_size; }
  // Rows of saved probabilities are padded to a multiple of 16 columns.
  static int Columns(int length) { return (length + 15) / 16 * 16; }
  // Where the probabilities of example b begin (heads follow one another); [batch] is the total.
  std::vector<int64_t> Offsets() const;
};

// qkv and out as in Attend; `saved` receives the probabilities before dropout, a dropped one with
// its sign bit set.
void CpuAttentionForward(const AttentionShape& shape, const float* qkv,
                         const DropoutStream& dropout, float* out, float* saved);
// Writes all of d_qkv, padding included (zero).
void CpuAttentionBackward(const AttentionShape& shape, const float* qkv, const float* saved,
                          const float* d_out, float dropout_scale, float* d_qkv);

}  // namespace sparsweep
