// The building blocks of a BERT as differentiable functions, each a few fused passes on the CPU in
// float32 and the same arithmetic in LibTorch's operators elsewhere (or where `portable` asks).
// Shapes: T tokens of a padded batch are the rows of a matrix. Dropout: attention/dropout.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "attention/attention.h"
#include "attention/dropout.h"

namespace sparsweep {

struct Norm {
  at::Tensor gamma, beta;  // [width]
  double epsilon = 1e-12;
};

// x [T, in] w^T + b -> [T, out]; w is [out, in] as checkpoints store it.
at::Tensor Linear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                  Implementation implementation);

// GELU (erf form) of Linear.
at::Tensor LinearGelu(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                      Implementation implementation);

// LayerNorm(residual + dropout(Linear(x))): the end of both halves of a BERT layer.
at::Tensor LinearAddNorm(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                         const at::Tensor& residual, const Norm& norm, const DropoutStream& dropout,
                         Implementation implementation);

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
