// Gradient checkpointing: a function whose inner values are computed again for the backward pass
// instead of being kept for it. With counter-based dropout both passes give the same bits. The
// thread of the training.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace sparsweep {

// f(x). `f` is called again when the gradient is asked for, and must still be valid then;
// parameters that it uses receive their gradients in that call. Where nothing is differentiated,
// just f(x).
at::Tensor Recomputed(const std::function<at::Tensor(const at::Tensor&)>& f, const at::Tensor& x);

}  // namespace sparsweep
