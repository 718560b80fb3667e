// Small matrix products of the CPU attention kernels: one (example, head) at a time, float32, row
// major, columns in vectors of 16. Included by kernel files only, inside functions that are cloned
// per instruction set (kernels.h).
#pragma once

#include <cstdint>

#include "attention/kernels.h"

namespace sparsweep {

using Vec = float __attribute__((vector_size(64), aligned(4)));
inline constexpr int kWide = 16;

// C[rows x 16*vectors] = A B (with kAdd: += A B) for kRows rows of A; A is read one scalar at a
// time, so any strides do.
template <int kRows, int kVectors, bool kAdd = false>
SPARSWEEP_INLINE void Tile(int depth, const float* a, int64_t a_row, int64_t a_depth,
                           const float* b, int64_t ldb, float* c, int64_t ldc) {
  Vec sum[kRows][kVectors] = {};
  for (int r = 0; kAdd && r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v)
      sum[r][v] = *reinterpret_cast<const Vec*>(c + r * ldc + v * kWide);
  }
  for (int k = 0; k < depth; ++k) {
    Vec right[kVectors];
    for (int v = 0; v < kVectors; ++v)
      right[v] = *reinterpret_cast<const Vec*>(b + k * ldb + v * kWide);
    for (int r = 0; r < kRows; ++r) {
      float left = a[r * a_row + k * a_depth];
      for (int v = 0; v < kVectors; ++v) sum[r][v] += left * right[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Vec*>(c + r * ldc + v * kWide) = sum[r][v];
  }
}

// C[rows x columns] = A[rows x depth] B[depth x columns] (with kAdd: +=); columns is a multiple of
// 16.
template <bool kAdd = false>
SPARSWEEP_INLINE void Multiply(int rows, int columns, int depth, const float* a, int64_t a_row,
                               int64_t a_depth, const float* b, int64_t ldb, float* c,
                               int64_t ldc) {
  int j = 0;
  for (; j + 2 * kWide <= columns; j += 2 * kWide) {
    int i = 0;
    for (; i + 6 <= rows; i += 6) {
      Tile<6, 2, kAdd>(depth, a + i * a_row, a_row, a_depth, b + j, ldb, c + i * ldc + j, ldc);
    }
    for (; i + 2 <= rows; i += 2) {
      Tile<2, 2, kAdd>(depth, a + i * a_row, a_row, a_depth, b + j, ldb, c + i * ldc + j, ldc);
    }
    for (; i < rows; ++i) {
      Tile<1, 2, kAdd>(depth, a + i * a_row, a_row, a_depth, b + j, ldb, c + i * ldc + j, ldc);
    }
  }
  for (; j < columns; j += kWide) {
    int i = 0;
    for (; i + 6 <= rows; i += 6) {
      Tile<6, 1, kAdd>(depth, a + i * a_row, a_row, a_depth, b + j, ldb, c + i * ldc + j, ldc);
    }
    for (; i < rows; ++i) {
      Tile<1, 1, kAdd>(depth, a + i * a_row, a_row, a_depth, b + j, ldb, c + i * ldc + j, ldc);
    }
  }
}

// to[depth x columns] = from[rows x depth] transposed; columns beyond rows are 0.
SPARSWEEP_INLINE void Transpose(int rows, int depth, const float* from, int64_t stride, float* to,
                                int columns) {
  for (int k = 0; k < depth; ++k) {
    for (int j = rows; j < columns; ++j) to[k * columns + j] = 0;
  }
  for (int j = 0; j < rows; ++j) {
    for (int k = 0; k < depth; ++k) to[k * columns + j] = from[j * stride + k];
  }
}

}  // namespace sparsweep
