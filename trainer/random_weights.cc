#include "trainer/random_weights.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <numbers>

#include "attention/dropout.h"
#include "core/philox.h"
#include "trainer/layout.h"

namespace sparsweep {
namespace {

constexpr uint32_t kFirstOfEncoder = 16;  // smaller numbers are heads'
constexpr int64_t kGrain = 4096;          // pairs that are worth a second thread

}  // namespace

at::Tensor NormalWeights(at::IntArrayRef shape, double deviation, uint64_t seed, uint32_t which) {
  at::Tensor weights = at::empty(shape, at::kFloat);
  float* to = weights.mutable_data_ptr<float>();
  const int64_t count = weights.numel();
  at::parallel_for(0, (count + 1) / 2, kGrain, [&](int64_t first, int64_t end) {
    for (int64_t pair = first; pair < end; ++pair) {
      auto words = Philox4x32({static_cast<uint32_t>(pair), which,
                               static_cast<uint32_t>(StreamPurpose::kInitialWeights) << 24, 0},
                              {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
      auto uniform = [&](int w) {  // in (0, 1)
        uint64_t u = uint64_t{words[w]} << 32 | words[w + 1];
        return (static_cast<double>(u >> 11) + 0.5) * 0x1p-53;
      };
      double radius = std::sqrt(-2 * std::log(uniform(0))) * deviation;
      double angle = 2 * std::numbers::pi * uniform(2);
      to[2 * pair] = static_cast<float>(radius * std::cos(angle));
      if (2 * pair + 1 < count) to[2 * pair + 1] = static_cast<float>(radius * std::sin(angle));
    }
  });
  return weights;
}

Result<std::shared_ptr<const Checkpoint>> RandomCheckpoint(const std::string& folder,
                                                           uint64_t seed) {
  auto config = ReadBertConfig(folder);
  if (!config.ok()) return config.status();
  auto checkpoint = std::make_shared<Checkpoint>();
  checkpoint->folder = folder;
  checkpoint->config = *config;
  uint32_t which = kFirstOfEncoder;
  for (const LayoutTensor& tensor : EncoderLayout(*config)) {
    at::Tensor& values = checkpoint->tensors[tensor.name];
    const bool norm = tensor.name.find("LayerNorm") != std::string::npos;
    if (tensor.name.ends_with("bias")) {
      values = at::zeros(tensor.shape);
    } else if (norm) {
      values = at::ones(tensor.shape);
    } else {
      values = NormalWeights(tensor.shape, config->initializer_range, seed, which);
    }
    ++which;
  }
  auto& tensors = checkpoint->tensors;
  if (config->pad_token < config->vocab) {
    tensors.at("embeddings.word_embeddings.weight")[config->pad_token].zero_();
  }
  if (config->position_offset > 0) {
    tensors.at("embeddings.position_embeddings.weight")[config->pad_token].zero_();
  }
  JoinProjections(checkpoint.get());
  return std::shared_ptr<const Checkpoint>(checkpoint);
}

}  // namespace sparsweep
