// Which examples go into which batch, and a batch as tensors. Order is a function of (training
// seed, epoch) and of lengths alone, never of the attention. Any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "attention/attention.h"
#include "trainer/tokens.h"

namespace sparsweep {

using BatchOrder = std::vector<std::vector<int64_t>>;  // examples of each batch

// Length buckets: shuffle, sort by descending length inside chunks of 50 batches, cut into
// batches, shuffle the batches.
BatchOrder TrainOrder(const std::vector<int>& lengths, int64_t batch_size, uint64_t seed,
                      uint32_t epoch);
// By length, nothing drawn.
BatchOrder EvalOrder(const std::vector<int>& lengths, int64_t batch_size);

// Padded to the longest example in it. Padding has id and type 0.
struct Batch {
  at::Tensor ids, types;  // int64 [B, N]
  // Those of the task's type; the others are undefined.
  at::Tensor labels;        // int64 [B]; of MLM one for each place that is asked for
  at::Tensor targets;       // float32 [B]
  at::Tensor starts, ends;  // int64 [B]: tokens of the answer
  at::Tensor asked;         // int64: places in [B * N] whose logits MLM wants; undefined: all
  std::vector<int> lengths;
  std::vector<int64_t> examples;  // indices into the trial's table
  int padded = 0;
};
// `first` is the place of the split's first example in the trial's table of examples (train first,
// then dev, then test).
Batch MakeBatch(const TokenizedSplit& split, const std::vector<int64_t>& examples,
                at::Device device, int64_t first = 0);

}  // namespace sparsweep
