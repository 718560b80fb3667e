#include "trainer/checkpoint.h"

#include <ATen/ops/cat.h>

#include "trainer/layout.h"
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
      : file_(file), path_(std::move(path)) {
    for (const char* prefix : {"bert.", "roberta."}) {
      if (file.entries().contains(std::string(prefix) + "embeddings.word_embeddings.weight")) {
        prefix_ = prefix;
      }
    }
  }

  // The tensors of heads that the file has, under our names.
  std::vector<std::pair<std::string, std::vector<int64_t>>> Heads() const {
    std::vector<std::pair<std::string, std::vector<int64_t>>> heads;
    for (const auto& [spelling, entry] : file_.entries()) {
      std::string name = spelling.starts_with(prefix_) ? spelling.substr(prefix_.size()) : spelling;
      if (size_t old = name.find("LayerNorm.gamma"); old != std::string::npos) {
        name.replace(old, std::string::npos, "LayerNorm.weight");
      } else if (size_t old = name.find("LayerNorm.beta"); old != std::string::npos) {
        name.replace(old, std::string::npos, "LayerNorm.bias");
      }
      const bool head = name.starts_with("pooler.") || name.starts_with("classifier.") ||
                        name.starts_with("qa_outputs.") || name.starts_with("cls.predictions.") ||
                        name.starts_with("lm_head.");
      const bool number = entry.dtype == "F32" || entry.dtype == "F16" || entry.dtype == "BF16";
      if (head && number && name.find(".decoder.") == std::string::npos)
        heads.push_back({name, entry.shape});
    }
    return heads;
  }

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
  for (const LayoutTensor& want : EncoderLayout(*config)) {
    auto tensor = source.Read(want.name, want.shape);
    if (!tensor.ok()) return tensor.status();
    checkpoint->tensors[want.name] = *tensor;
  }
  for (auto& [name, shape] : source.Heads()) {
    if (name == "pooler.dense.weight") shape = {config->hidden, config->hidden};
    if (name == "pooler.dense.bias") shape = {config->hidden};
    auto tensor = source.Read(name, shape);
    if (!tensor.ok()) return tensor.status();
    checkpoint->tensors[name] = *tensor;
  }
  JoinProjections(checkpoint.get());
  return std::shared_ptr<const Checkpoint>(checkpoint);
}

void JoinProjections(Checkpoint* checkpoint) {
  for (int i = 0; i < checkpoint->config.layers; ++i) {
    const std::string self = LayerPrefix(i) + "attention.self.";
    for (const char* kind : {".weight", ".bias"}) {
      std::vector<at::Tensor> parts;
      for (const char* part : {"query", "key", "value"}) {
        parts.push_back(checkpoint->tensors.extract(self + part + kind).mapped());
      }
      checkpoint->tensors[self + "qkv" + kind] = at::cat(parts);
    }
  }
}

}  // namespace sparsweep
