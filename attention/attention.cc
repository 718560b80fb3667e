#include "attention/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>

#include "attention/cpu_attention.h"

namespace sparsweep {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What backward needs beside tensors. Lives in the context; masks and lengths outlive the step.
struct SavedShape : torch::CustomClassHolder {
  AttentionShape shape;
  std::vector<int> lengths;
  float scale;
};

struct CpuAttention : torch::autograd::Function<CpuAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const LayerMasks* masks, const std::vector<int>* lengths,
                            const DropoutStream* dropout) {
    int heads = masks->heads();
    int hidden = static_cast<int>(qkv.size(2) / 3);
    auto saved_shape = c10::make_intrusive<SavedShape>();
    saved_shape->lengths = *lengths;
    saved_shape->shape = {static_cast<int>(qkv.size(0)),
                          static_cast<int>(qkv.size(1)),
                          heads,
                          hidden / heads,
                          &saved_shape->lengths,
                          masks};
    saved_shape->scale = dropout->scale();
    const AttentionShape& shape = saved_shape->shape;
    at::Tensor input = qkv.contiguous();
    at::Tensor out = at::empty({shape.batch, shape.padded, hidden}, qkv.options());
    at::Tensor saved = at::empty({shape.Offsets().back()}, qkv.options());
    CpuAttentionForward(shape, input.const_data_ptr<float>(), *dropout,
                        out.mutable_data_ptr<float>(), saved.mutable_data_ptr<float>());
    context->save_for_backward({input, saved});
    context->saved_data["shape"] = c10::IValue::make_capsule(saved_shape);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    auto holder = context->saved_data["shape"].toCapsule();
    const auto& s = *static_cast<SavedShape*>(holder.get());
    at::Tensor d_out = grads[0].contiguous();
    at::Tensor d_qkv = at::empty_like(saved[0]);
    CpuAttentionBackward(s.shape, saved[0].const_data_ptr<float>(),
                         saved[1].const_data_ptr<float>(), d_out.const_data_ptr<float>(), s.scale,
                         d_qkv.mutable_data_ptr<float>());
    return {d_qkv, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor PortableAttention(const at::Tensor& qkv, const LayerMasks& masks, AttentionBatch& batch,
                             const DropoutStream& dropout) {
  int64_t b = qkv.size(0), n = qkv.size(1), h = masks.heads(), d = qkv.size(2) / 3 / h;
  at::Tensor parts = qkv.view({b, n, 3, h, d}).permute({2, 0, 3, 1, 4});
  at::Tensor scores = at::matmul(parts[0], parts[1].transpose(-1, -2)) / std::sqrt(double(d));
  const at::Tensor& kept = batch.Kept(masks, qkv.device());
  // A finite floor keeps rows without a key free of NaN; their weights are then zeroed.
  scores = at::where(kept, scores,
                     at::scalar_tensor(std::numeric_limits<float>::lowest() / 2, scores.options()));
  at::Tensor weights =
      at::where(kept, at::softmax(scores, -1), at::scalar_tensor(0.0, scores.options()));
  weights = PortableDropout(weights, dropout);
  return at::matmul(weights, parts[2]).transpose(1, 2).reshape({b, n, h * d});
}

}  // namespace

const at::Tensor& AttentionBatch::Kept(const LayerMasks& masks, at::Device device) {
  at::Tensor& kept = kept_[&masks];
  if (kept.defined()) return kept;
  int slots = masks.slots();
  at::Tensor host = at::zeros({size(), slots, padded_, padded_}, at::kBool);
  bool* to = host.mutable_data_ptr<bool>();
  for (int b = 0; b < size(); ++b) {
    int n = lengths_[b];
    for (int slot = 0; slot < slots; ++slot) {
      const Mask* mask = masks.slot_path(slot) == AttentionPath::kDense ? nullptr : &masks.at(slot, n);
      bool* matrix = to + (int64_t{b} * slots + slot) * padded_ * padded_;
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) matrix[int64_t{i} * padded_ + j] = !mask || mask->at(i, j);
      }
    }
  }
  if (slots > 1) {  // one matrix per head
    std::vector<int64_t> index(masks.heads());
    for (int h = 0; h < masks.heads(); ++h) index[h] = masks.slot(h);
    host = host.index_select(1, at::tensor(index));
  }
  return kept = host.to(device);
}

at::Tensor Attend(const at::Tensor& qkv, const LayerMasks& masks, AttentionBatch& batch,
                  const DropoutStream& dropout) {
  bool kernel = qkv.is_cpu() && qkv.scalar_type() == at::kFloat &&
                qkv.size(2) / 3 / masks.heads() % 16 == 0 &&
                batch.implementation() == Implementation::kAuto;
  if (!kernel) return PortableAttention(qkv, masks, batch, dropout);
  return CpuAttention::apply(qkv, &masks, &batch.lengths(), &dropout);
}

}  // namespace sparsweep
