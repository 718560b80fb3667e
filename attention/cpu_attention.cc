#include "attention/cpu_attention.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "attention/matmul.h"

namespace sparsweep {
namespace {

// One row of scores becomes probabilities, in place: only keys kept by `kept` (null: all of them)
// count; a row without any becomes 0. Columns from length on become 0.
SPARSWEEP_INLINE void MaskedSoftmax(float* row, int length, int columns, float scale,
                                    const uint64_t* kept) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  float top = kNone;
  if (kept) {
    for (int base = 0; base < length; base += 64) {
      uint64_t word = kept[base / 64];
      int count = columns - base < 64 ? columns - base : 64;  // bits from length on are 0
#pragma omp simd reduction(max : top)
      for (int j = 0; j < count; ++j) {
        float score = (word >> j) & 1 ? row[base + j] * scale : kNone;
        row[base + j] = score;
        top = score > top ? score : top;
      }
    }
    if (top == kNone) {
      std::memset(row, 0, columns * sizeof(float));
      return;
    }
  } else {
#pragma omp simd reduction(max : top)
    for (int j = 0; j < length; ++j) {
      row[j] *= scale;
      top = row[j] > top ? row[j] : top;
    }
    for (int j = length; j < columns; ++j) row[j] = kNone;
  }
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int j = 0; j < columns; ++j) {
    row[j] = ExpNonPositive(row[j] - top);
    sum += row[j];
  }
  float inverse = 1 / sum;
#pragma omp simd
  for (int j = 0; j < columns; ++j) row[j] *= inverse;
}

SPARSWEEP_CLONES void ForwardOne(int n, int d, int64_t stride, const float* q, const float* k,
                                 const float* v, const Mask* mask, const uint8_t* keep,
                                 float keep_scale, float* probabilities, float* scratch, float* out,
                                 int64_t out_stride) {
  int columns = AttentionShape::Columns(n);
  float* k_transposed = scratch;
  float* dropped = scratch + static_cast<int64_t>(d) * columns;
  Transpose(n, d, k, stride, k_transposed, columns);
  Multiply(n, columns, d, q, stride, 1, k_transposed, columns, probabilities, columns);
  float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int i = 0; i < n; ++i) {
    MaskedSoftmax(probabilities + static_cast<int64_t>(i) * columns, n, columns, scale,
                  mask ? mask->row(i) : nullptr);
  }
  const float* weights = probabilities;
  if (keep) {
    int64_t count = static_cast<int64_t>(n) * columns;
#pragma omp simd
    for (int64_t e = 0; e < count; ++e) {
      float p = probabilities[e];
      dropped[e] = keep[e] ? p * keep_scale : 0.0f;
      probabilities[e] = keep[e] ? p : -p;
    }
    weights = dropped;
  }
  Multiply(n, d, n, weights, columns, 1, v, stride, out, out_stride);
}

SPARSWEEP_CLONES void BackwardOne(int n, int d, int64_t stride, const float* q, const float* k,
                                  const float* v, const float* saved, float keep_scale,
                                  const float* d_out, int64_t out_stride, float* scratch,
                                  float* d_q, float* d_k, float* d_v) {
  int columns = AttentionShape::Columns(n);
  int64_t count = static_cast<int64_t>(n) * columns;
  float* v_transposed = scratch;
  float* scores = v_transposed + static_cast<int64_t>(d) * columns;  // d of the scores
  float* dropped = scores + count;
#pragma omp simd
  for (int64_t e = 0; e < count; ++e) dropped[e] = saved[e] > 0 ? saved[e] * keep_scale : 0.0f;
  Multiply(n, d, n, dropped, 1, columns, d_out, out_stride, d_v, stride);
  Transpose(n, d, v, stride, v_transposed, columns);
  Multiply(n, columns, d, d_out, out_stride, 1, v_transposed, columns, scores, columns);
  float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int i = 0; i < n; ++i) {
    const float* p = saved + static_cast<int64_t>(i) * columns;
    float* s = scores + static_cast<int64_t>(i) * columns;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int j = 0; j < columns; ++j) {
      s[j] = p[j] > 0 ? s[j] * keep_scale : 0.0f;  // back through dropout
      dot += s[j] * std::fabs(p[j]);
    }
#pragma omp simd
    for (int j = 0; j < columns; ++j) s[j] = std::fabs(p[j]) * (s[j] - dot) * scale;
  }
  Multiply(n, d, n, scores, columns, 1, k, stride, d_q, stride);
  Multiply(n, d, n, scores, 1, columns, q, stride, d_k, stride);
}

}  // namespace

std::vector<int64_t> AttentionShape::Offsets() const {
  std::vector<int64_t> offsets = {0};
  for (int n : *lengths) offsets.push_back(offsets.back() + int64_t{heads} * n * Columns(n));
  return offsets;
}

void CpuAttentionForward(const AttentionShape& s, const float* qkv, const DropoutStream& dropout,
                         float* out, float* saved) {
  int64_t stride = 3 * s.hidden();
  int columns = AttentionShape::Columns(s.padded);
  std::vector<int64_t> offsets = s.Offsets();
  at::parallel_for(0, int64_t{s.batch} * s.heads, 1, [&](int64_t first, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(s.head_size + s.padded) * columns);
    std::vector<uint8_t> keep(dropout.active() ? static_cast<size_t>(s.padded) * columns : 0);
    for (int64_t pair = first; pair < end; ++pair) {
      int b = static_cast<int>(pair / s.heads), h = static_cast<int>(pair % s.heads);
      int n = (*s.lengths)[b], width = AttentionShape::Columns(n);
      const Mask* mask =
          s.masks->path(h) == AttentionPath::kMasked ? &s.masks->at(s.masks->slot(h), n) : nullptr;
      if (dropout.active())
        FillKeep(dropout, static_cast<uint32_t>(pair), int64_t{n} * width, keep.data());
      const float* q = qkv + b * s.padded * stride + h * s.head_size;
      float* to = out + static_cast<int64_t>(b) * s.padded * s.hidden() + h * s.head_size;
      ForwardOne(n, s.head_size, stride, q, q + s.hidden(), q + 2 * s.hidden(), mask,
                 dropout.active() ? keep.data() : nullptr, dropout.scale(),
                 saved + offsets[b] + int64_t{h} * n * width, scratch.data(), to, s.hidden());
      for (int i = n; i < s.padded; ++i) {
        std::memset(to + static_cast<int64_t>(i) * s.hidden(), 0, s.head_size * sizeof(float));
      }
    }
  });
}

void CpuAttentionBackward(const AttentionShape& s, const float* qkv, const float* saved,
                          const float* d_out, float dropout_scale, float* d_qkv) {
  int64_t stride = 3 * s.hidden();
  int columns = AttentionShape::Columns(s.padded);
  std::vector<int64_t> offsets = s.Offsets();
  at::parallel_for(0, int64_t{s.batch} * s.heads, 1, [&](int64_t first, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(s.head_size + 2 * s.padded) * columns);
    for (int64_t pair = first; pair < end; ++pair) {
      int b = static_cast<int>(pair / s.heads), h = static_cast<int>(pair % s.heads);
      int n = (*s.lengths)[b], width = AttentionShape::Columns(n);
      int64_t at = b * s.padded * stride + h * s.head_size;
      const float* q = qkv + at;
      float* d_q = d_qkv + at;
      BackwardOne(n, s.head_size, stride, q, q + s.hidden(), q + 2 * s.hidden(),
                  saved + offsets[b] + int64_t{h} * n * width, dropout_scale,
                  d_out + static_cast<int64_t>(b) * s.padded * s.hidden() + h * s.head_size,
                  s.hidden(), scratch.data(), d_q, d_q + s.hidden(), d_q + 2 * s.hidden());
      for (int part = 0; part < 3; ++part) {
        for (int i = n; i < s.padded; ++i) {
          std::memset(d_q + part * s.hidden() + i * stride, 0, s.head_size * sizeof(float));
        }
      }
    }
  });
}

}  // namespace sparsweep
