// The attention operator: softmax(Q K^T / sqrt(d) + log M) V per example and head over the real
// tokens, with dropout on the probabilities. The one function that a model's layers call and that
// attestation probes.
//
// A row without a kept key outputs 0 and gives 0 gradient; rows of padding output 0. Each head
// takes the path of its mask (mask_plan.h): tiles decide what is computed. Two implementations of
// the same numbers and the same drops: kernels for float32 and bfloat16 on the CPU with d a
// multiple of 16 (real tokens only), and LibTorch's operators for the rest (portable_attention.h;
// CUDA among it). Differentiable in qkv. Not here: projections, what a mask keeps, and learned
// windows (soft_window.h). One thread calls; the kernels spread (example, head) pairs over
// LibTorch's pool.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

#include "attention/dropout.h"
#include "attention/mask_plan.h"

namespace sparsweep {

// Products of one pass forward (Q K^T, P V) and backward (four); where probabilities are not saved,
// Q K^T is computed once more.
inline constexpr int kProducts = 6, kProductsRecomputed = 7;
inline constexpr int kProductsForward = 2;  // where no gradient is asked for

// Which implementation; kPortable forces LibTorch's operators (tests, and devices without a
// kernel).
enum class Implementation { kAuto, kPortable };

// The batch that is being computed: real lengths, which examples they are, and what the layers of
// this batch share.
class AttentionBatch {
 public:
  // lengths[b] in 1..padded for every example; examples[b] is its index in the trial's table of
  // examples (train first, then dev, then test), or -1 where only the length matters.
  AttentionBatch(std::vector<int> lengths, std::vector<int64_t> examples, int padded,
                 Implementation implementation = Implementation::kAuto,
                 Phase phase = Phase::kTraining)
      : lengths_(std::move(lengths)),
        examples_(std::move(examples)),
        padded_(padded),
        implementation_(implementation),
        phase_(phase) {}
  AttentionBatch(std::vector<int> lengths, int padded,
                 Implementation implementation = Implementation::kAuto)
      : AttentionBatch(lengths, std::vector<int64_t>(lengths.size(), -1), padded, implementation) {}

  int size() const { return static_cast<int>(lengths_.size()); }
  int length(int b) const { return lengths_[b]; }
  const std::vector<int>& lengths() const { return lengths_; }
  int64_t example(int b) const { return examples_[b]; }
  int padded() const { return padded_; }
  Implementation implementation() const { return implementation_; }
  Phase phase() const { return phase_; }
  using TilesOfPairs = std::vector<std::shared_ptr<const Tiles>>;  // [B x heads]
  const TilesOfPairs& TilesOf(const LayerMasks& masks);
  // log M as float [B, 1 or heads, N, N] for the portable implementation: 0 where an entry is kept
  // (its weight's logarithm where it has one), -infinity elsewhere.
  const at::Tensor& LogMask(const LayerMasks& masks, at::Device device);

  // Counts `products` matrix products of so many entries, each over `depth` numbers; without a
  // backward pass only those of the forward pass (frozen layers; the first of two passes under
  // gradient checkpointing).
  void CountProducts(int products, int64_t entries, int depth, bool backward) {
    flops_ += 2.0 * (backward ? products : kProductsForward) * static_cast<double>(entries) * depth;
  }
  // What the products of attention took for this batch so far, forward and backward: an addition
  // and a multiplication for each entry that a path computes, whether its mask keeps it or not.
  double flops() const { return flops_; }

 private:
  std::vector<int> lengths_;
  std::vector<int64_t> examples_;
  int padded_;
  Implementation implementation_;
  Phase phase_;
  std::map<const LayerMasks*, TilesOfPairs> tiles_;
  std::map<const LayerMasks*, at::Tensor> log_masks_;
  double flops_ = 0;
};

// qkv [B, N, 3*heads*d] holds Q, K and V of a token side by side, heads within each; returns [B, N,
// heads*d].
at::Tensor Attend(const at::Tensor& qkv, const LayerMasks& masks, AttentionBatch& batch,
                  const DropoutStream& dropout);

}  // namespace sparsweep
