// Loops over the rows of a matrix on the CPU: what a step does besides matrix products, each fused
// into one pass and computed in float32. Pointers are to contiguous row-major data; T is float or
// c10::BFloat16, the type of what matrix products give and take. Not here: autograd (layers.cc).
// Rows are spread over LibTorch's pool in fixed shares, so that sums are equal for an equal number
// of threads.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace sparsweep::kernels {

// x[rows x width] = normalized(residual + keep * scale * y), out = x * gamma + beta;
// inverse[row] = 1 / standard deviation. y may be x; keep may be null (nothing is dropped),
// residual too (it is 0).
template <typename T>
void AddNormForward(int64_t rows, int64_t width, const T* y, float* x, const float* residual,
                    const uint8_t* keep, float scale, const float* gamma, const float* beta,
                    float epsilon, float* out, float* inverse);

// Backward of it: d_residual and d_y (may be null) [rows x width]; d_gamma, d_beta and d_bias, the
// column sums of d_y (may be null), [width].
template <typename T>
void AddNormBackward(int64_t rows, int64_t width, const float* d_out, const float* normalized,
                     const float* inverse, const uint8_t* keep, float scale, const float* gamma,
                     float* d_residual, T* d_y, float* d_gamma, float* d_beta, float* d_bias);

// out = x Phi(x), the exact GELU; x becomes its derivative if `derivative`.
template <typename T>
void GeluForward(int64_t count, T* x, T* out, bool derivative);
// d_x = d_out * derivative, d_bias its column sums.
template <typename T>
void GeluBackward(int64_t rows, int64_t width, const T* d_out, const T* derivative, T* d_x,
                  float* d_bias);

// sums[width] = column sums of x.
template <typename T>
void ColumnSums(int64_t rows, int64_t width, const T* x, float* sums);

// x[row] = word[ids[row]] + position[row % padded] + type[types[row]].
void GatherSum(int64_t rows, int64_t padded, int64_t width, const int64_t* ids,
               const int64_t* types, const float* word, const float* position, const float* type,
               float* x);
// Its backward: adds the rows of d_x to the three tables' gradients (zeroed by the caller).
void ScatterSum(int64_t rows, int64_t padded, int64_t width, const int64_t* ids,
                const int64_t* types, const float* d_x, float* d_word, float* d_position,
                float* d_type);

// x *= keep * scale.
void Drop(int64_t count, const uint8_t* keep, float scale, float* x);

}  // namespace sparsweep::kernels
