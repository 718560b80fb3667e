#include "trainer/kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "attention/kernels.h"

namespace sparsweep::kernels {
namespace {

// erf to 3 ulp as a rational function of x^2 on [-4, 4]; beyond it is 1 in float32.
SPARSWEEP_INLINE float Erf(float x) {
  x = x < -4.0f ? -4.0f : x;
  x = x > 4.0f ? 4.0f : x;
  float s = x * x;
  float p = -2.72614225801306e-10f;
  p = p * s + 2.77068142495902e-08f;
  p = p * s - 2.10102402082508e-06f;
  p = p * s - 5.69250639462346e-05f;
  p = p * s - 7.34990630326855e-04f;
  p = p * s - 2.95459980854025e-03f;
  p = p * s - 1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * s - 2.13374055278905e-04f;
  q = q * s - 1.68282697438203e-03f;
  q = q * s - 7.37332916720468e-03f;
  q = q * s - 1.42647390514189e-02f;
  return x * p / q;
}

SPARSWEEP_CLONES void AddNormRows(int64_t first, int64_t end, int64_t width, float* x,
                                  const float* residual, const uint8_t* keep, float scale,
                                  const float* gamma, const float* beta, float epsilon, float* out,
                                  float* inverse) {
  for (int64_t row = first; row < end; ++row) {
    float* values = x + row * width;
    if (keep) {
      const uint8_t* kept = keep + row * width;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) values[i] = kept[i] ? values[i] * scale : 0.0f;
    }
    float sum = 0;
    if (residual) {
      const float* other = residual + row * width;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; ++i) {
        values[i] += other[i];
        sum += values[i];
      }
    } else {
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; ++i) sum += values[i];
    }
    float mean = sum / static_cast<float>(width);
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < width; ++i) squares += (values[i] - mean) * (values[i] - mean);
    float factor = 1.0f / std::sqrt(squares / static_cast<float>(width) + epsilon);
    float* to = out + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      float normalized = (values[i] - mean) * factor;
      values[i] = normalized;
      to[i] = normalized * gamma[i] + beta[i];
    }
    inverse[row] = factor;
  }
}

SPARSWEEP_CLONES void AddNormBackwardRows(int64_t first, int64_t end, int64_t width,
                                          const float* d_out, const float* normalized,
                                          const float* inverse, const uint8_t* keep, float scale,
                                          const float* gamma, float* d_residual, float* d_x,
                                          float* d_gamma, float* d_beta, float* d_bias) {
  for (int64_t row = first; row < end; ++row) {
    const float* dy = d_out + row * width;
    const float* n = normalized + row * width;
    float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
    for (int64_t i = 0; i < width; ++i) {
      float g = dy[i] * gamma[i];
      sum += g;
      dot += g * n[i];
    }
    float mean = sum / static_cast<float>(width), mean_dot = dot / static_cast<float>(width);
    float factor = inverse[row];
    float* to = d_residual + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      to[i] = factor * (dy[i] * gamma[i] - mean - n[i] * mean_dot);
      d_gamma[i] += dy[i] * n[i];
      d_beta[i] += dy[i];
    }
    if (!d_x) continue;
    float* dx = d_x + row * width;
    if (keep) {
      const uint8_t* kept = keep + row * width;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        dx[i] = kept[i] ? to[i] * scale : 0.0f;
        d_bias[i] += dx[i];
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        dx[i] = to[i];
        d_bias[i] += dx[i];
      }
    }
  }
}

SPARSWEEP_CLONES void GeluSpan(int64_t first, int64_t end, float* x, float* out, bool derivative) {
  constexpr float kInverseRoot2 = 0.70710678118654752f, kInverseRoot2Pi = 0.39894228040143268f;
  if (!derivative) {
#pragma omp simd
    for (int64_t i = first; i < end; ++i) {
      out[i] = x[i] * (0.5f + 0.5f * Erf(x[i] * kInverseRoot2));
    }
    return;
  }
#pragma omp simd
  for (int64_t i = first; i < end; ++i) {
    float value = x[i];
    float phi = 0.5f + 0.5f * Erf(value * kInverseRoot2);
    out[i] = value * phi;
    x[i] = phi + value * kInverseRoot2Pi * ExpNonPositive(-0.5f * value * value);
  }
}

SPARSWEEP_CLONES void GeluBackwardRows(int64_t first, int64_t end, int64_t width,
                                       const float* d_out, const float* derivative, float* d_x,
                                       float* d_bias) {
  for (int64_t row = first; row < end; ++row) {
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      float d = d_out[row * width + i] * derivative[row * width + i];
      d_x[row * width + i] = d;
      d_bias[i] += d;
    }
  }
}

SPARSWEEP_CLONES void SumRows(int64_t first, int64_t end, int64_t width, const float* x,
                              float* sums) {
  for (int64_t row = first; row < end; ++row) {
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) sums[i] += x[row * width + i];
  }
}

SPARSWEEP_CLONES void GatherRows(int64_t first, int64_t end, int64_t padded, int64_t width,
                                 const int64_t* ids, const int64_t* types, const float* word,
                                 const float* position, const float* type, float* x) {
  for (int64_t row = first; row < end; ++row) {
    const float* w = word + ids[row] * width;
    const float* p = position + row % padded * width;
    const float* t = type + types[row] * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) x[row * width + i] = w[i] + t[i] + p[i];
  }
}

SPARSWEEP_CLONES void AddRow(int64_t width, const float* from, float* to) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) to[i] += from[i];
}

SPARSWEEP_CLONES void DropSpan(int64_t first, int64_t end, const uint8_t* keep, float scale,
                               float* x) {
#pragma omp simd
  for (int64_t i = first; i < end; ++i) x[i] = keep[i] ? x[i] * scale : 0.0f;
}

// Runs body(first, end, sums) over shares of the rows, one per thread, with sums of their own
// (`columns` zeros), and adds those up in order into `total` (overwritten).
template <typename Body>
void SummedRows(int64_t rows, int64_t columns, float* total, const Body& body) {
  std::memset(total, 0, columns * sizeof(float));
  const int64_t shares = std::clamp<int64_t>(rows / 64, 1, at::get_num_threads());
  if (shares == 1) return body(0, rows, total);
  std::vector<float> sums(shares * columns, 0.0f);
  at::parallel_for(0, shares, 1, [&](int64_t first, int64_t end) {
    for (int64_t s = first; s < end; ++s) {
      body(rows * s / shares, rows * (s + 1) / shares, sums.data() + s * columns);
    }
  });
  for (int64_t s = 0; s < shares; ++s) AddRow(columns, sums.data() + s * columns, total);
}

constexpr int64_t kGrain = 16384;  // elements below which a second thread does not pay

}  // namespace

void AddNormForward(int64_t rows, int64_t width, float* x, const float* residual,
                    const uint8_t* keep, float scale, const float* gamma, const float* beta,
                    float epsilon, float* out, float* inverse) {
  at::parallel_for(0, rows, kGrain / width + 1, [&](int64_t first, int64_t end) {
    AddNormRows(first, end, width, x, residual, keep, scale, gamma, beta, epsilon, out, inverse);
  });
}

void AddNormBackward(int64_t rows, int64_t width, const float* d_out, const float* normalized,
                     const float* inverse, const uint8_t* keep, float scale, const float* gamma,
                     float* d_residual, float* d_x, float* d_gamma, float* d_beta, float* d_bias) {
  std::vector<float> sums(3 * width);
  SummedRows(rows, 3 * width, sums.data(), [&](int64_t first, int64_t end, float* s) {
    AddNormBackwardRows(first, end, width, d_out, normalized, inverse, keep, scale, gamma,
                        d_residual, d_x, s, s + width, s + 2 * width);
  });
  std::memcpy(d_gamma, sums.data(), width * sizeof(float));
  std::memcpy(d_beta, sums.data() + width, width * sizeof(float));
  if (d_bias) std::memcpy(d_bias, sums.data() + 2 * width, width * sizeof(float));
}

void GeluForward(int64_t count, float* x, float* out, bool derivative) {
  at::parallel_for(0, count, kGrain,
                   [&](int64_t first, int64_t end) { GeluSpan(first, end, x, out, derivative); });
}

void GeluBackward(int64_t rows, int64_t width, const float* d_out, const float* derivative,
                  float* d_x, float* d_bias) {
  SummedRows(rows, width, d_bias, [&](int64_t first, int64_t end, float* sums) {
    GeluBackwardRows(first, end, width, d_out, derivative, d_x, sums);
  });
}

void ColumnSums(int64_t rows, int64_t width, const float* x, float* sums) {
  SummedRows(rows, width, sums,
             [&](int64_t first, int64_t end, float* s) { SumRows(first, end, width, x, s); });
}

void GatherSum(int64_t rows, int64_t padded, int64_t width, const int64_t* ids,
               const int64_t* types, const float* word, const float* position, const float* type,
               float* x) {
  at::parallel_for(0, rows, kGrain / width + 1, [&](int64_t first, int64_t end) {
    GatherRows(first, end, padded, width, ids, types, word, position, type, x);
  });
}

void ScatterSum(int64_t rows, int64_t padded, int64_t width, const int64_t* ids,
                const int64_t* types, const float* d_x, float* d_word, float* d_position,
                float* d_type) {
  for (int64_t row = 0; row < rows; ++row) {  // one thread: rows share targets
    const float* d = d_x + row * width;
    AddRow(width, d, d_word + ids[row] * width);
    AddRow(width, d, d_position + row % padded * width);
    AddRow(width, d, d_type + types[row] * width);
  }
}

void Drop(int64_t count, const uint8_t* keep, float scale, float* x) {
  at::parallel_for(0, count, kGrain,
                   [&](int64_t first, int64_t end) { DropSpan(first, end, keep, scale, x); });
}

}  // namespace sparsweep::kernels
