// Attention on the CPU for a whole batch: float32 or bfloat16 tensors (computed in float32), head
// size a multiple of 16, real tokens only. Lays out each (example, head) for strips.h and spreads
// the pairs over LibTorch's pool. Not here: autograd and the choice of implementation
// (attention.cc).
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "attention/dropout.h"
#include "attention/tiles.h"

namespace sparsweep {

struct AttentionShape {
  int batch, padded, heads, head_size;
  std::vector<int> lengths;
  std::vector<std::shared_ptr<const Tiles>> tiles;  // [batch x heads]
  int hidden() const { return heads * head_size; }
  int pairs() const { return batch * heads; }
  // Where the numbers saved for each pair begin; [pairs] is the total.
  std::vector<int64_t> Offsets() const;
};

// Whether the backward pass of these tiles reads saved probabilities (strips.h: kept, or lean).
bool KeepsProbabilities(const Tiles& tiles);

// qkv and out as in Attend; `saved` has room for Offsets().back() numbers. T: float or BFloat16.
template <typename T>
void CpuAttentionForward(const AttentionShape& shape, const T* qkv, const DropoutStream& dropout,
                         T* out, float* saved);
// `out` and `saved` as forward left them. Writes all of d_qkv, padding included (zero).
template <typename T>
void CpuAttentionBackward(const AttentionShape& shape, const T* qkv, const T* out,
                          const float* saved, const T* d_out, const DropoutStream& dropout,
                          T* d_qkv);

extern template void CpuAttentionForward(const AttentionShape&, const float*, const DropoutStream&,
                                         float*, float*);
extern template void CpuAttentionForward(const AttentionShape&, const c10::BFloat16*,
                                         const DropoutStream&, c10::BFloat16*, float*);
extern template void CpuAttentionBackward(const AttentionShape&, const float*, const float*,
                                          const float*, const float*, const DropoutStream&,
                                          float*);
extern template void CpuAttentionBackward(const AttentionShape&, const c10::BFloat16*,
                                          const c10::BFloat16*, const float*, const c10::BFloat16*,
                                          const DropoutStream&, c10::BFloat16*);

}  // namespace sparsweep
