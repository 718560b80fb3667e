#include "attention/soft_window_cpu.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "attention/matmul.h"

namespace sparsweep {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

int Columns(int length) { return (length + kWide - 1) / kWide * kWide; }

// to[n-1+x] = to[n-1-x] = log w(x): row i of the weights is the n numbers from n-1-i on.
void MirrorLogs(const float* window, int distances, int n, float* to) {
  for (int x = 0; x < n; ++x) {
    to[n - 1 + x] = to[n - 1 - x] = x < distances && window[x] > 0 ? std::log(window[x]) : kNone;
  }
}

// One row of scores becomes probabilities, in place; columns from length on become 0.
SPARSWEEP_INLINE void WeightedSoftmax(float* row, const float* logs, int length, int columns,
                                      float scale) {
  float top = kNone;
#pragma omp simd reduction(max : top)
  for (int j = 0; j < length; ++j) {
    row[j] = row[j] * scale + logs[j];
    top = row[j] > top ? row[j] : top;
  }
  for (int j = length; j < columns; ++j) row[j] = kNone;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int j = 0; j < columns; ++j) {
    row[j] = ExpNonPositive(row[j] - top);
    sum += row[j];
  }
  const float inverse = 1 / sum;
#pragma omp simd
  for (int j = 0; j < columns; ++j) row[j] *= inverse;
}

SPARSWEEP_CLONES void ForwardOne(int n, int d, int64_t stride, const float* q, const float* k,
                                 const float* v, const float* logs, const uint8_t* keep,
                                 float keep_scale, float* probabilities, float* scratch, float* out,
                                 int64_t out_stride) {
  const int columns = Columns(n);
  float* k_transposed = scratch;
  float* dropped = scratch + static_cast<int64_t>(d) * columns;
  Transpose(n, d, k, stride, k_transposed, columns);
  Multiply(n, columns, d, q, stride, 1, k_transposed, columns, probabilities, columns);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int i = 0; i < n; ++i) {
    WeightedSoftmax(probabilities + static_cast<int64_t>(i) * columns, logs + n - 1 - i, n, columns,
                    scale);
  }
  const float* weights = probabilities;
  if (keep) {
    const int64_t count = static_cast<int64_t>(n) * columns;
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

// diagonals[n-1+j-i] collects dL / d log w of entry (i, j).
SPARSWEEP_CLONES void BackwardOne(int n, int d, int64_t stride, const float* q, const float* k,
                                  const float* v, const float* saved, float keep_scale,
                                  const float* d_out, int64_t out_stride, float* scratch,
                                  float* diagonals, float* d_q, float* d_k, float* d_v) {
  const int columns = Columns(n);
  const int64_t count = static_cast<int64_t>(n) * columns;
  float* v_transposed = scratch;
  float* scores = v_transposed + static_cast<int64_t>(d) * columns;  // d of the scores
  float* dropped = scores + count;
#pragma omp simd
  for (int64_t e = 0; e < count; ++e) dropped[e] = saved[e] > 0 ? saved[e] * keep_scale : 0.0f;
  Multiply(n, d, n, dropped, 1, columns, d_out, out_stride, d_v, stride);
  Transpose(n, d, v, stride, v_transposed, columns);
  Multiply(n, columns, d, d_out, out_stride, 1, v_transposed, columns, scores, columns);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  std::memset(diagonals, 0, (n + columns) * sizeof(float));
  for (int i = 0; i < n; ++i) {
    const float* p = saved + static_cast<int64_t>(i) * columns;
    float* s = scores + static_cast<int64_t>(i) * columns;
    float* diagonal = diagonals + n - 1 - i;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int j = 0; j < columns; ++j) {
      s[j] = p[j] > 0 ? s[j] * keep_scale : 0.0f;  // back through dropout
      dot += s[j] * std::fabs(p[j]);
    }
#pragma omp simd
    for (int j = 0; j < columns; ++j) {
      const float d_log = std::fabs(p[j]) * (s[j] - dot);
      diagonal[j] += d_log;  // beyond n it is 0
      s[j] = d_log * scale;
    }
  }
  Multiply(n, d, n, scores, columns, 1, k, stride, d_q, stride);
  Multiply(n, d, n, scores, 1, columns, q, stride, d_k, stride);
}

}  // namespace

std::vector<int64_t> SoftWindowShape::Offsets() const {
  std::vector<int64_t> offsets = {0};
  for (int n : lengths) {
    offsets.push_back(offsets.back() + static_cast<int64_t>(which.size()) * n * Columns(n));
  }
  return offsets;
}

void SoftWindowForward(const SoftWindowShape& s, const float* qkv, const float* windows,
                       const DropoutStream& dropout, float* out, float* saved) {
  const int64_t stride = 3 * s.hidden(), count = static_cast<int64_t>(s.which.size());
  const int columns = Columns(s.padded);
  const std::vector<int64_t> offsets = s.Offsets();
  std::memset(out, 0, int64_t{s.batch} * s.padded * s.hidden() * sizeof(float));
  at::parallel_for(0, s.batch * count, 1, [&](int64_t first, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(s.head_size + s.padded) * columns);
    std::vector<float> logs(2 * static_cast<size_t>(s.padded));
    std::vector<uint8_t> keep(dropout.active() ? static_cast<size_t>(s.padded) * columns : 0);
    for (int64_t pair = first; pair < end; ++pair) {
      const int b = static_cast<int>(pair / count), k = static_cast<int>(pair % count);
      const int h = s.which[k], n = s.lengths[b], width = Columns(n);
      MirrorLogs(windows + int64_t{k} * s.distances, s.distances, n, logs.data());
      if (dropout.active()) {  // the stream of Attend's kernel: equal drops under every pattern
        FillKeepMatrix(dropout, static_cast<uint32_t>(b * s.heads + h), n, width, keep.data());
      }
      const float* q = qkv + b * s.padded * stride + h * s.head_size;
      float* to = out + static_cast<int64_t>(b) * s.padded * s.hidden() + h * s.head_size;
      ForwardOne(n, s.head_size, stride, q, q + s.hidden(), q + 2 * s.hidden(), logs.data(),
                 dropout.active() ? keep.data() : nullptr, dropout.scale(),
                 saved + offsets[b] + int64_t{k} * n * width, scratch.data(), to, s.hidden());
    }
  });
}

void SoftWindowBackward(const SoftWindowShape& s, const float* qkv, const float* windows,
                        const float* saved, const float* d_out, float dropout_scale, float* d_qkv,
                        float* d_windows) {
  const int64_t stride = 3 * s.hidden(), count = static_cast<int64_t>(s.which.size());
  const int columns = Columns(s.padded);
  const std::vector<int64_t> offsets = s.Offsets();
  std::memset(d_qkv, 0, s.batch * s.padded * stride * sizeof(float));
  at::parallel_for(0, s.batch * count, 1, [&](int64_t first, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(s.head_size + 2 * s.padded) * columns);
    std::vector<float> diagonals(static_cast<size_t>(s.padded) + columns);
    for (int64_t pair = first; pair < end; ++pair) {
      const int b = static_cast<int>(pair / count), k = static_cast<int>(pair % count);
      const int h = s.which[k], n = s.lengths[b], width = Columns(n);
      const int64_t at = b * s.padded * stride + h * s.head_size;
      const float* q = qkv + at;
      float* d_q = d_qkv + at;
      BackwardOne(n, s.head_size, stride, q, q + s.hidden(), q + 2 * s.hidden(),
                  saved + offsets[b] + int64_t{k} * n * width, dropout_scale,
                  d_out + static_cast<int64_t>(b) * s.padded * s.hidden() + h * s.head_size,
                  s.hidden(), scratch.data(), diagonals.data(), d_q, d_q + s.hidden(),
                  d_q + 2 * s.hidden());
      const float* window = windows + int64_t{k} * s.distances;
      float* d_window = d_windows + pair * s.distances;
      for (int x = 0; x < s.distances; ++x) {
        // Where the weight is 0 its entries are left out; a softmax that rounds to 0 has no slope.
        const bool counts = x < n && window[x] > 0;
        const float sum = !counts ? 0
                          : x > 0 ? diagonals[n - 1 + x] + diagonals[n - 1 - x]
                                  : diagonals[n - 1];
        d_window[x] = counts ? sum / window[x] : 0;
      }
    }
  });
}

}  // namespace sparsweep
