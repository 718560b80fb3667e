#include "trainer/kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "attention/kernels.h"

namespace sparsweep::kernels {
namespace {

SPARSWEEP_CLONES void Widen(int64_t count, const uint16_t* from, float* to) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) to[i] = std::bit_cast<float>(uint32_t{from[i]} << 16);
}
// To the nearest, ties to even; a NaN stays one.
SPARSWEEP_CLONES void Narrow(int64_t count, const float* from, uint16_t* to) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(from[i]);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    to[i] = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
  }
}

// A stretch of a matrix as floats: itself, or a copy in `room`.
const float* Floats(const float* values, int64_t, float*) { return values; }
const float* Floats(const c10::BFloat16* values, int64_t count, float* room) {
  Widen(count, reinterpret_cast<const uint16_t*>(values), room);
  return room;
}
// Where floats are written that shall end up in a matrix, and their way there.
float* Place(float* values, float*) { return values; }
float* Place(c10::BFloat16*, float* room) { return room; }
void Store(int64_t, const float*, float*) {}
void Store(int64_t count, const float* from, c10::BFloat16* to) {
  Narrow(count, from, reinterpret_cast<uint16_t*>(to));
}

void Copy(const float* from, int64_t count, float* to) {
  if (from != to) std::memcpy(to, from, count * sizeof(float));
}
void Copy(const c10::BFloat16* from, int64_t count, float* to) { Floats(from, count, to); }

// Calls body(first, end, room) for rows that are floats already, all at once; for others row by
// row, with room for `rows_of_room` rows as floats.
template <typename T, typename Body>
void RowByRow(int64_t first, int64_t end, int64_t width, int64_t rows_of_room, const Body& body) {
  if constexpr (std::is_same_v<T, float>) {
    body(first, end, nullptr);
  } else {
    std::vector<float> room(rows_of_room * width);
    for (int64_t row = first; row < end; ++row) body(row, row + 1, room.data());
  }
}

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

constexpr int64_t kSpan = 1024;    // bfloat16 values that are converted together
constexpr int64_t kGrain = 16384;  // elements below which a second thread does not pay

}  // namespace

template <typename T>
void AddNormForward(int64_t rows, int64_t width, const T* y, float* x, const float* residual,
                    const uint8_t* keep, float scale, const float* gamma, const float* beta,
                    float epsilon, float* out, float* inverse) {
  at::parallel_for(0, rows, kGrain / width + 1, [&](int64_t first, int64_t end) {
    const int64_t from = first * width, count = (end - first) * width;
    Copy(y + from, count, x + from);
    AddNormRows(first, end, width, x, residual, keep, scale, gamma, beta, epsilon, out, inverse);
  });
}

template <typename T>
void AddNormBackward(int64_t rows, int64_t width, const float* d_out, const float* normalized,
                     const float* inverse, const uint8_t* keep, float scale, const float* gamma,
                     float* d_residual, T* d_y, float* d_gamma, float* d_beta, float* d_bias) {
  std::vector<float> sums(3 * width);
  SummedRows(rows, 3 * width, sums.data(), [&](int64_t first, int64_t end, float* s) {
    RowByRow<T>(first, end, width, 1, [&](int64_t from, int64_t to, float* room) {
      const int64_t at = from * width;
      float* const rows_of_d_y = d_y ? Place(d_y + at, room) : nullptr;
      AddNormBackwardRows(0, to - from, width, d_out + at, normalized + at, inverse + from,
                          keep ? keep + at : nullptr, scale, gamma, d_residual + at, rows_of_d_y, s,
                          s + width, s + 2 * width);
      if (d_y) Store((to - from) * width, rows_of_d_y, d_y + at);
    });
  });
  std::memcpy(d_gamma, sums.data(), width * sizeof(float));
  std::memcpy(d_beta, sums.data() + width, width * sizeof(float));
  if (d_bias) std::memcpy(d_bias, sums.data() + 2 * width, width * sizeof(float));
}

template <typename T>
void GeluForward(int64_t count, T* x, T* out, bool derivative) {
  at::parallel_for(0, count, kGrain, [&](int64_t first, int64_t end) {
    if constexpr (std::is_same_v<T, float>) {
      GeluSpan(first, end, x, out, derivative);
    } else {
      float in[kSpan], to[kSpan];
      for (int64_t at = first; at < end; at += kSpan) {
        const int64_t n = std::min(kSpan, end - at);
        Floats(x + at, n, in);
        GeluSpan(0, n, in, to, derivative);
        Store(n, to, out + at);
        if (derivative) Store(n, in, x + at);
      }
    }
  });
}

template <typename T>
void GeluBackward(int64_t rows, int64_t width, const T* d_out, const T* derivative, T* d_x,
                  float* d_bias) {
  SummedRows(rows, width, d_bias, [&](int64_t first, int64_t end, float* sums) {
    RowByRow<T>(first, end, width, 3, [&](int64_t from, int64_t to, float* room) {
      const int64_t at = from * width, count = (to - from) * width;
      float* const rows_of_d_x = Place(d_x + at, room);
      GeluBackwardRows(0, to - from, width, Floats(d_out + at, count, room + width),
                       Floats(derivative + at, count, room + 2 * width), rows_of_d_x, sums);
      Store(count, rows_of_d_x, d_x + at);
    });
  });
}

template <typename T>
void ColumnSums(int64_t rows, int64_t width, const T* x, float* sums) {
  SummedRows(rows, width, sums, [&](int64_t first, int64_t end, float* s) {
    RowByRow<T>(first, end, width, 1, [&](int64_t from, int64_t to, float* room) {
      SumRows(0, to - from, width, Floats(x + from * width, (to - from) * width, room), s);
    });
  });
}

#define SPARSWEEP_KERNELS(T)                                                                     \
  template void AddNormForward(int64_t, int64_t, const T*, float*, const float*, const uint8_t*, \
                               float, const float*, const float*, float, float*, float*);        \
  template void AddNormBackward(int64_t, int64_t, const float*, const float*, const float*,      \
                                const uint8_t*, float, const float*, float*, T*, float*, float*, \
                                float*);                                                         \
  template void GeluForward(int64_t, T*, T*, bool);                                              \
  template void GeluBackward(int64_t, int64_t, const T*, const T*, T*, float*);                  \
  template void ColumnSums(int64_t, int64_t, const T*, float*);
SPARSWEEP_KERNELS(float)
SPARSWEEP_KERNELS(c10::BFloat16)
#undef SPARSWEEP_KERNELS

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
