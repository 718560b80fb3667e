#include "attention/soft_window.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "attention/soft_window_cpu.h"

namespace sparsweep {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SavedSoftWindow : torch::CustomClassHolder {
  SoftWindowShape shape;
  float scale;
};

struct CpuSoftWindow : torch::autograd::Function<CpuSoftWindow> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const at::Tensor& windows, const SoftWindowShape* shape,
                            const DropoutStream* dropout) {
    auto holder = c10::make_intrusive<SavedSoftWindow>();
    holder->shape = *shape;
    holder->scale = dropout->scale();
    at::Tensor input = qkv.contiguous(), weights = windows.contiguous();
    at::Tensor out = at::empty({shape->batch, shape->padded, shape->hidden()}, qkv.options());
    at::Tensor saved = at::empty({shape->Offsets().back()}, qkv.options());
    SoftWindowForward(*shape, input.const_data_ptr<float>(), weights.const_data_ptr<float>(),
                      *dropout, out.mutable_data_ptr<float>(), saved.mutable_data_ptr<float>());
    context->save_for_backward({input, weights, saved});
    context->saved_data["shape"] = c10::IValue::make_capsule(holder);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    auto capsule = context->saved_data["shape"].toCapsule();
    const auto& holder = *static_cast<SavedSoftWindow*>(capsule.get());
    const SoftWindowShape& shape = holder.shape;
    at::Tensor d_out = grads[0].contiguous();
    at::Tensor d_qkv = at::empty_like(saved[0]);
    at::Tensor d_windows = at::empty(
        {shape.batch, static_cast<int64_t>(shape.which.size()), shape.distances}, d_out.options());
    SoftWindowBackward(shape, saved[0].const_data_ptr<float>(), saved[1].const_data_ptr<float>(),
                       saved[2].const_data_ptr<float>(), d_out.const_data_ptr<float>(),
                       holder.scale, d_qkv.mutable_data_ptr<float>(),
                       d_windows.mutable_data_ptr<float>());
    return {d_qkv, d_windows.sum(0), at::Tensor(), at::Tensor()};
  }
};

// [which, n, n]: the log weight of each pair of positions.
at::Tensor LogWeights(const at::Tensor& windows, int64_t n) {
  at::Tensor positions = at::arange(n, windows.options().dtype(at::kLong).requires_grad(false));
  at::Tensor distance = (positions.unsqueeze(0) - positions.unsqueeze(1)).abs().flatten();
  const int64_t known = windows.size(1);
  at::Tensor padded = known >= n ? windows : at::constant_pad_nd(windows, {0, n - known});
  at::Tensor none = at::scalar_tensor(-std::numeric_limits<double>::infinity(),
                                      windows.options().requires_grad(false));
  // The logarithm of 0 has no slope: both sides of `where` must stay finite.
  at::Tensor positive = padded.gt(0);
  at::Tensor logs = at::where(positive, padded, at::ones_like(padded)).log();
  return at::where(positive, logs, none).index_select(1, distance).view({-1, n, n});
}

at::Tensor PortableSoftWindow(const at::Tensor& qkv, int heads, const std::vector<int>& which,
                              const at::Tensor& windows, const std::vector<int>& lengths,
                              const DropoutStream& dropout) {
  const int64_t b = qkv.size(0), n = qkv.size(1), h = heads, d = qkv.size(2) / 3 / h;
  const auto plain = qkv.options().requires_grad(false);
  at::Tensor index =
      at::tensor(std::vector<int64_t>(which.begin(), which.end()), at::kLong).to(qkv.device());
  at::Tensor parts = qkv.view({b, n, 3, h, d}).index_select(3, index).permute({2, 0, 3, 1, 4});
  at::Tensor scores = at::matmul(parts[0], parts[1].transpose(-1, -2)) / std::sqrt(double(d));
  scores = scores + LogWeights(windows, n).unsqueeze(0);
  at::Tensor length =
      at::tensor(std::vector<int64_t>(lengths.begin(), lengths.end()), at::kLong).to(qkv.device());
  at::Tensor real = at::arange(n, plain.dtype(at::kLong)).unsqueeze(0).lt(length.unsqueeze(1));
  // Rows of padding keep every key, so that none is empty, and are zeroed afterwards.
  at::Tensor key = real.view({b, 1, 1, n}), query = real.view({b, 1, n, 1});
  scores = scores.masked_fill(key.logical_not().logical_and(query),
                              -std::numeric_limits<double>::infinity());
  scores = at::where(query, scores, at::zeros_like(scores));
  at::Tensor weights = at::softmax(scores, -1);
  if (dropout.active()) {  // the stream of Attend: equal drops under every pattern
    std::vector<int64_t> tokens(n);
    std::iota(tokens.begin(), tokens.end(), 0);
    at::Tensor items = at::arange(b, plain.dtype(at::kLong)).unsqueeze(1) * h + index.unsqueeze(0);
    weights = weights * PortableKeep(dropout, items, length, tokens, tokens) * dropout.scale();
  }
  at::Tensor values = at::matmul(weights.to(qkv.scalar_type()), parts[2]);
  values = at::where(query, values, at::zeros_like(values));
  at::Tensor out = at::zeros({b, h, n, d}, plain).index_copy(1, index, values);
  return out.transpose(1, 2).reshape({b, n, h * d});
}

}  // namespace

at::Tensor SoftWindowAttention(const at::Tensor& qkv, int heads, const std::vector<int>& which,
                               const at::Tensor& windows, const std::vector<int>& lengths,
                               const DropoutStream& dropout, Implementation implementation) {
  const int head_size = static_cast<int>(qkv.size(2) / 3 / heads);
  const bool kernel = implementation == Implementation::kAuto && qkv.is_cpu() &&
                      qkv.scalar_type() == at::kFloat && windows.scalar_type() == at::kFloat &&
                      head_size % 16 == 0;
  if (!kernel) return PortableSoftWindow(qkv, heads, which, windows, lengths, dropout);
  const SoftWindowShape shape{static_cast<int>(qkv.size(0)),
                              static_cast<int>(qkv.size(1)),
                              heads,
                              head_size,
                              static_cast<int>(windows.size(1)),
                              which,
                              lengths};
  return CpuSoftWindow::apply(qkv, windows, &shape, &dropout);
}

}  // namespace sparsweep
