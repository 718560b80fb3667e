#include "trainer/layout.h"

namespace sparsweep {

std::string LayerPrefix(int layer) { return "encoder.layer." + std::to_string(layer) + "."; }

std::vector<LayoutTensor> EncoderLayout(const BertConfig& config) {
  const int64_t h = config.hidden, inner = config.intermediate;
  const int64_t positions = config.max_positions + config.position_offset;
  std::vector<LayoutTensor> tensors = {
      {"embeddings.word_embeddings.weight", {config.vocab, h}},
      {"embeddings.position_embeddings.weight", {positions, h}},
      {"embeddings.token_type_embeddings.weight", {config.types, h}},
      {"embeddings.LayerNorm.weight", {h}},
      {"embeddings.LayerNorm.bias", {h}}};
  const auto projection = [&](const std::string& name, int64_t out, int64_t in) {
    tensors.push_back({name + ".weight", {out, in}});
    tensors.push_back({name + ".bias", {out}});
  };
  const auto norm = [&](const std::string& name) {
    tensors.push_back({name + ".weight", {h}});
    tensors.push_back({name + ".bias", {h}});
  };
  for (int i = 0; i < config.layers; ++i) {
    const std::string layer = LayerPrefix(i);
    for (const char* part : {"query", "key", "value"}) {
      projection(layer + "attention.self." + part, h, h);
    }
    projection(layer + "attention.output.dense", h, h);
    projection(layer + "intermediate.dense", inner, h);
    projection(layer + "output.dense", h, inner);
    norm(layer + "attention.output.LayerNorm");
    norm(layer + "output.LayerNorm");
  }
  return tensors;
}

}  // namespace sparsweep
