#include "attention/attention.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "attention/cpu_attention.h"
#include "attention/portable_attention.h"

namespace sparsweep {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What backward needs beside tensors.
struct SavedCall : torch::CustomClassHolder {
  AttentionShape shape;
  DropoutStream dropout;
};

template <typename T>
struct CpuAttention : torch::autograd::Function<CpuAttention<T>> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const AttentionShape* shape, const DropoutStream* dropout) {
    auto call = c10::make_intrusive<SavedCall>();
    call->shape = *shape;
    call->dropout = *dropout;
    at::Tensor input = qkv.contiguous();
    at::Tensor out = at::empty({shape->batch, shape->padded, shape->hidden()}, qkv.options());
    at::Tensor saved = at::empty({shape->Offsets().back()}, qkv.options().dtype(at::kFloat));
    CpuAttentionForward<T>(*shape, input.const_data_ptr<T>(), *dropout, out.mutable_data_ptr<T>(),
                           saved.mutable_data_ptr<float>());
    context->save_for_backward({input, saved, out});
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    auto holder = context->saved_data["call"].toCapsule();
    const auto& call = *static_cast<SavedCall*>(holder.get());
    at::Tensor d_out = grads[0].contiguous();
    at::Tensor d_qkv = at::empty_like(saved[0]);
    CpuAttentionBackward<T>(call.shape, saved[0].template const_data_ptr<T>(),
                            saved[2].template const_data_ptr<T>(),
                            saved[1].template const_data_ptr<float>(), d_out.const_data_ptr<T>(),
                            call.dropout, d_qkv.mutable_data_ptr<T>());
    return {d_qkv, at::Tensor(), at::Tensor()};
  }
};

// log M of one pair, rows of `stride` floats that are -infinity before.
void WriteLogMask(const Tiles& tiles, int64_t stride, float* to) {
  for (const Tiles::Part& part : tiles.parts) {
    for (const Tiles::Strip& strip : part.by_query.strips) {
      for (int e = strip.first; e < strip.last; ++e) {
        const Tiles::Entry& entry = part.by_query.entries[e];
        for (int r = 0; r < strip.count; ++r) {
          float* row = to + (part.first + int64_t{strip.begin + r} * part.step) * stride;
          for (int c = 0; c < entry.count; ++c) {
            if (entry.bits >= 0 && !(tiles.bits[entry.bits][r] >> c & 1)) continue;
            row[part.first + int64_t{entry.begin + c} * part.step] =
                entry.bias >= 0 ? tiles.bias[entry.bias][r * kTile + c] : 0.0f;
          }
        }
      }
    }
  }
}

}  // namespace

const AttentionBatch::TilesOfPairs& AttentionBatch::TilesOf(const LayerMasks& masks) {
  TilesOfPairs& tiles = tiles_[&masks];
  if (!tiles.empty()) return tiles;
  tiles.resize(lengths_.size() * masks.heads());
  std::vector<std::shared_ptr<const Tiles>> of_slot(masks.slots());
  for (int b = 0; b < size(); ++b) {
    for (int slot = 0; slot < masks.slots(); ++slot) {
      of_slot[slot] = masks.tiles(slot, lengths_[b], examples_[b], phase_);
    }
    for (int h = 0; h < masks.heads(); ++h) {
      tiles[static_cast<size_t>(b) * masks.heads() + h] = of_slot[masks.slot(h)];
    }
  }
  return tiles;
}

const at::Tensor& AttentionBatch::LogMask(const LayerMasks& masks, at::Device device) {
  at::Tensor& kept = log_masks_[&masks];
  if (kept.defined()) return kept;
  const TilesOfPairs& tiles = TilesOf(masks);
  const int64_t heads = masks.heads(), shown = masks.slots() == 1 ? 1 : heads;
  at::Tensor host = at::full({size(), shown, padded_, padded_},
                             -std::numeric_limits<float>::infinity(), at::kFloat);
  float* to = host.mutable_data_ptr<float>();
  for (int64_t b = 0; b < size(); ++b) {
    for (int64_t h = 0; h < shown; ++h, to += int64_t{padded_} * padded_) {
      WriteLogMask(*tiles[b * heads + h], padded_, to);
    }
  }
  return kept = host.to(device);
}

at::Tensor Attend(const at::Tensor& qkv, const LayerMasks& masks, AttentionBatch& batch,
                  const DropoutStream& dropout) {
  const int head_size = static_cast<int>(qkv.size(2) / 3 / masks.heads());
  const bool kernel = qkv.is_cpu() && head_size % 16 == 0 &&
                      (qkv.scalar_type() == at::kFloat || qkv.scalar_type() == at::kBFloat16) &&
                      batch.implementation() == Implementation::kAuto;
  if (!kernel) return PortableAttention(qkv, masks, batch, dropout);
  const AttentionShape shape{batch.size(),    static_cast<int>(qkv.size(1)),
                             masks.heads(),   head_size,
                             batch.lengths(), batch.TilesOf(masks)};
  int64_t saved = 0, recomputed = 0;
  for (const auto& tiles : shape.tiles) {
    (KeepsProbabilities(*tiles) ? saved : recomputed) += tiles->entries;
  }
  const bool backward = at::GradMode::is_enabled() && qkv.requires_grad();
  batch.CountProducts(kProducts, saved, head_size, backward);
  batch.CountProducts(kProductsRecomputed, recomputed, head_size, backward);
  if (qkv.scalar_type() == at::kFloat) return CpuAttention<float>::apply(qkv, &shape, &dropout);
  return CpuAttention<at::BFloat16>::apply(qkv, &shape, &dropout);
}

}  // namespace sparsweep
