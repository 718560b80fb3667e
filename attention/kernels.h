// What the CPU kernels of attention/ and trainer/ share: clones per instruction set, and the
// vectorisable exp. Included by kernel files only; they are compiled with -O3 -fopenmp (see
// CMakeLists.txt).
#pragma once

#include <bit>
#include <cstdint>

// The compiler emits one version per instruction set and picks at program start: no -march flag,
// one binary for every x86-64.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SPARSWEEP_CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define SPARSWEEP_CLONES
#endif
#define SPARSWEEP_INLINE inline __attribute__((always_inline))

namespace sparsweep {

// e^x for x <= 0, 2 ulp; 0 below -87.7. Range reduction by powers of two and a polynomial of
// degree 6.
SPARSWEEP_INLINE float ExpNonPositive(float x) {
  x = x < -88.029f ? -88.029f : x;  // its power of two, 2^-127, is written as 0
  float n = static_cast<float>(static_cast<int32_t>(x * 1.44269504088896341f - 0.5f));  // nearest
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

}  // namespace sparsweep
