#include "trainer/checkpoint.h"

#include <ATen/ops/cat.h>

#include "trainer/safetensors.h"

namespace sparsweep {
namespace {

std::string ShapeText(at::IntArrayRef shape) {
  std::string text = "[";
  for (int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

// Looks up tensors under the names that checkpoints have used over the years.
class Source {
 public:
  explicit Source(const SafetensorsFile& file, std::string path)
      : file_(file),
        path_(std::move(path)),
        prefix_(file.entries().contains("bert.embeddings.word_embeddings.weight") ? "bert." : "") {}

  bool Has(const std::string& name) const { return !Spelling(name).empty(); }

  Result<at::Tensor> Read(const std::string& name, std::vector<int64_t> shape) const {
    std::string spelling = Spelling(name);
    if (spelling.empty()) {
      return InvalidArgument(path_ + ": has no tensor \"" + name +
                             "\" as config.json says it must");
    }
    auto tensor = file_.Read(spelling);
    if (tensor.ok() && tensor->sizes() != at::IntArrayRef(shape)) {
      return InvalidArgument(path_ + ": \"" + spelling + "\" has shape " +
                             ShapeText(tensor->sizes()) + ", config.json says " + ShapeText(shape));
    }
    return tensor;
  }

 private:
  std::string Spelling(const std::string& name) const {
    for (std::string candidate : {prefix_ + name, name}) {
      if (file_.entries().contains(candidate)) return candidate;
      size_t norm = candidate.find("LayerNorm.");
      if (norm == std::string::npos) continue;
      std::string old =
          candidate.substr(0, norm + 10) + (candidate.ends_with("weight") ? "gamma" : "beta");
      if (file_.entries().contains(old)) return old;
    }
    return "";
  }

  const SafetensorsFile& file_;
  std::string path_;
  std::string prefix_;
};

}  // namespace

Result<std::shared_ptr<const Checkpoint>> LoadCheckpoint(const std::string& folder) {
  auto config = ReadBertConfig(folder);
  if (!config.ok()) return config.status();
  const std::string path = folder + "/model.safetensors";
  auto file = SafetensorsFile::Open(path);
  if (!file.ok()) return file.status();
  Source source(*file, path);
  auto checkpoint = std::make_shared<Checkpoint>();
  checkpoint->folder = folder;
  checkpoint->config = *config;
  const int64_t h = config->hidden, inner = config->intermediate;

  struct Want {
    std::string name;
    std::vector<int64_t> shape;
  };
  std::vector<Want> wanted = {{"embeddings.word_embeddings.weight", {config->vocab, h}},
                              {"embeddings.position_embeddings.weight", {config->max_positions, h}},
                              {"embeddings.token_type_embeddings.weight", {config->types, h}},
                              {"embeddings.LayerNorm.weight", {h}},
                              {"embeddings.LayerNorm.bias", {h}}};
  for (int i = 0; i < config->layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    for (const char* part : {"query", "key", "value"}) {
      wanted.push_back({layer + "attention.self." + part + ".weight", {h, h}});
      wanted.push_back({layer + "attention.self." + part + ".bias", {h}});
    }
    wanted.push_back({layer + "attention.output.dense.weight", {h, h}});
    wanted.push_back({layer + "attention.output.dense.bias", {h}});
    wanted.push_back({layer + "intermediate.dense.weight", {inner, h}});
    wanted.push_back({layer + "intermediate.dense.bias", {inner}});
    wanted.push_back({layer + "output.dense.weight", {h, inner}});
    wanted.push_back({layer + "output.dense.bias", {h}});
    for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
      wanted.push_back({layer + norm + ".weight", {h}});
      wanted.push_back({layer + norm + ".bias", {h}});
    }
  }
  if (source.Has("pooler.dense.weight") && source.Has("pooler.dense.bias")) {
    wanted.push_back({"pooler.dense.weight", {h, h}});
    wanted.push_back({"pooler.dense.bias", {h}});
  }
  for (const Want& want : wanted) {
    auto tensor = source.Read(want.name, want.shape);
    if (!tensor.ok()) return tensor.status();
    checkpoint->tensors[want.name] = *tensor;
  }
  for (int i = 0; i < config->layers; ++i) {
    const std::string self = "encoder.layer." + std::to_string(i) + ".attention.self.";
    for (const char* kind : {".weight", ".bias"}) {
      std::vector<at::Tensor> parts;
      for (const char* part : {"query", "key", "value"}) {
        parts.push_back(checkpoint->tensors.extract(self + part + kind).mapped());
      }
      checkpoint->tensors[self + "qkv" + kind] = at::cat(parts);
    }
  }
  return std::shared_ptr<const Checkpoint>(checkpoint);
}

}  // namespace sparsweep
