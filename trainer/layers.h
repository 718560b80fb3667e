// The building blocks of a BERT as differentiable functions, each a few fused passes on the CPU and
// the same arithmetic in LibTorch's operators elsewhere (or where `portable` asks). Shapes: T
// tokens of a padded batch are the rows of a matrix. Dropout: attention/dropout.h.
//
// In bfloat16 the weights and what runs along the residual stay float32, as under autocast: inputs
// and weights of a matrix product are rounded for it, sums inside it are float32.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/attention.h"
#include "attention/dropout.h"

namespace sparsweep {

// Which implementation, and the type of matrix products and attention: kFloat or kBFloat16.
struct Compute {
  Compute(Implementation which = Implementation::kAuto, at::ScalarType type = at::kFloat)
      : implementation(which), precision(type) {}
  Implementation implementation;
  at::ScalarType precision;
};

struct Norm {
  at::Tensor gamma, beta;  // [width]
  double epsilon = 1e-12;
};

// x [T, in] w^T + b -> [T, out] in how.precision; w is [out, in] as checkpoints store it.
at::Tensor Linear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                  const Compute& how);

// GELU (erf form) of Linear.
at::Tensor LinearGelu(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                      const Compute& how);

// LayerNorm(residual + dropout(Linear(x))), float32: the end of both halves of a BERT layer.
at::Tensor LinearAddNorm(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                         const at::Tensor& residual, const Norm& norm, const DropoutStream& dropout,
                         const Compute& how);

struct EmbeddingTables {
  at::Tensor word, position, type;  // [rows, hidden]
};
// dropout(LayerNorm(word[ids] + position + type[types])); ids and types int64 [B, N] -> [B*N,
// hidden].
at::Tensor Embed(const at::Tensor& ids, const at::Tensor& types, const EmbeddingTables& tables,
                 const Norm& norm, const DropoutStream& dropout, Implementation implementation);

// x with dropout.
at::Tensor Dropout(const at::Tensor& x, const DropoutStream& stream, Implementation implementation);

}  // namespace sparsweep
