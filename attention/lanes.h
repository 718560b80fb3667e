// Sixteen floats at a time, beside matmul.h's Vec: loads, choices by bits, exp, sums. Included by
// kernel files only (kernels.h says how they are compiled).
#pragma once

#include <cstdint>

#include "attention/kernels.h"
#include "attention/matmul.h"

namespace sparsweep {

using Ints = int32_t __attribute__((vector_size(64), aligned(4)));

SPARSWEEP_INLINE Vec Load(const float* at) { return *reinterpret_cast<const Vec*>(at); }
SPARSWEEP_INLINE void Store(float* at, Vec x) { *reinterpret_cast<Vec*>(at) = x; }

// Lanes of which the bit is set.
SPARSWEEP_INLINE Ints Lanes(uint64_t bits) {
  constexpr Ints kPlace = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                           1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  const Ints all = Ints{} + static_cast<int32_t>(bits & 0xFFFF);
  return (all & kPlace) != 0;
}
SPARSWEEP_INLINE Vec Choose(Ints which, Vec yes, Vec no) { return which ? yes : no; }

// ExpNonPositive of kernels.h, lane by lane.
SPARSWEEP_INLINE Vec Exp(Vec x) {
  const Vec low = Vec{} - 88.029f;
  x = x < low ? low : x;
  const Ints n = __builtin_convertvector(x * 1.44269504088896341f - 0.5f, Ints);
  const Vec whole = __builtin_convertvector(n, Vec);
  Vec r = x - whole * 0.693359375f;
  r = r + whole * 2.12194440e-4f;
  Vec p = Vec{} + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Ints power = (n + 127) << 23;
  return p * __builtin_bit_cast(Vec, power);
}

SPARSWEEP_INLINE float Max(Vec x) {
  float top = x[0];
  for (int l = 1; l < kWide; ++l) top = x[l] > top ? x[l] : top;
  return top;
}
SPARSWEEP_INLINE float Sum(Vec x) {
  for (int half = kWide / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) x[l] += x[l + half];
  }
  return x[0];
}

}  // namespace sparsweep
