// The CPU kernel of soft-window attention (float32, head size a multiple of 16), over real tokens
// only. Not here: autograd and the choice of implementation (soft_window.cc).
#pragma once

#include <cstdint>
#include <vector>

#include "attention/dropout.h"

namespace sparsweep {

struct SoftWindowShape {
  int batch, padded, heads, head_size, distances;
  std::vector<int> which;  // the heads that are computed
  std::vector<int> lengths;
  int hidden() const { return heads * head_size; }
  // Where the probabilities of example b begin (heads follow one another); [batch] is the total.
  std::vector<int64_t> Offsets() const;
};

// windows [which, distances]; `saved` receives the probabilities before dropout, a dropped one with
// its sign bit set. Writes all of out.
void SoftWindowForward(const SoftWindowShape& shape, const float* qkv, const float* windows,
                       const DropoutStream& dropout, float* out, float* saved);
// Writes all of d_qkv; d_windows [batch, which, distances], one share per example.
void SoftWindowBackward(const SoftWindowShape& shape, const float* qkv, const float* windows,
                        const float* saved, const float* d_out, float dropout_scale, float* d_qkv,
                        float* d_windows);

}  // namespace sparsweep
