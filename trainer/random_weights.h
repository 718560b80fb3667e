// Initial weights from the training seed alone: of heads that a checkpoint lacks, and of a whole
// model. As transformers draws them: normal with deviation initializer_range (not truncated) for
// projections and tables, the row of padding 0, biases 0, LayerNorm 1 and 0. Pure.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "trainer/checkpoint.h"

namespace sparsweep {

// Normal draws of the stream (seed, initial weights, which), by Box-Muller.
at::Tensor NormalWeights(at::IntArrayRef shape, double deviation, uint64_t seed, uint32_t which);

// An encoder for FOLDER/config.json alone; tensor k of EncoderLayout is stream 16 + k. Heads of
// tasks are not in it.
Result<std::shared_ptr<const Checkpoint>> RandomCheckpoint(const std::string& folder,
                                                           uint64_t seed);

}  // namespace sparsweep
