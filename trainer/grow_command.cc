#include "trainer/grow_command.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/catalog.h"
#include "trainer/bert_config.h"
#include "trainer/checkpoint.h"
#include "trainer/export.h"
#include "trainer/device.h"
#include "trainer/safetensors.h"
#include "trainer/safetensors_writer.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

// Tensors of the file with layer I as every layer that copies it.
Result<std::map<std::string, at::Tensor>> Grown(const fs::path& file,
                                                const std::vector<int>& copied) {
  auto source = SafetensorsFile::Open(file.string());
  if (!source.ok()) return source.status();
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, entry] : source->entries()) {
    if (entry.dtype.front() != 'F' && entry.dtype != "BF16") continue;  // position_ids
    auto tensor = source->Read(name);
    if (!tensor.ok()) return tensor.status();
    constexpr std::string_view kLayer = "encoder.layer.";
    const size_t at = name.find(kLayer);
    if (at == std::string::npos) {
      tensors[name] = *tensor;
      continue;
    }
    const size_t number = at + kLayer.size(), end = name.find('.', number);
    const int layer = std::stoi(name.substr(number, end - number));
    for (size_t i = 0; i < copied.size(); ++i) {
      if (copied[i] != layer) continue;
      tensors[name.substr(0, number) + std::to_string(i) + name.substr(end)] = *tensor;
    }
  }
  return tensors;
}

}  // namespace

Result<std::vector<int>> GrownFrom(int given, int layers, const std::string& order) {
  if (layers <= given) {
    return InvalidArgument("--layers " + std::to_string(layers) + ": the model has " +
                           std::to_string(given) + " already; ask for more");
  }
  std::vector<int> copied(layers);
  for (int i = 0; i < layers; ++i) {
    copied[i] = order == "repeat" ? static_cast<int>(int64_t{i} * given / layers) : i % given;
  }
  return copied;
}

Status GrowModel(const fs::path& model, int layers, const std::string& order,
                 const fs::path& output) {
  auto checkpoint = LoadCheckpoint(model.string());  // every shape is right, or it says what is not
  if (!checkpoint.ok()) return checkpoint.status();
  auto copied = GrownFrom((*checkpoint)->config.layers, layers, order);
  if (!copied.ok()) return copied.status();
  std::error_code error;
  if (fs::exists(output, error) && !fs::is_empty(output, error)) {
    return InvalidArgument(output.string() + ": is there already; choose a new folder");
  }
  auto tensors = Grown(model / "model.safetensors", *copied);
  if (!tensors.ok()) return tensors.status();
  HashCache hashes;
  auto fingerprint = ModelFingerprint(model, hashes);
  if (!fingerprint.ok()) return fingerprint.status();

  fs::create_directories(output, error);
  fs::copy_file(model / "tokenizer.json", output / "tokenizer.json", error);
  if (error) {
    return {StatusCode::kFailedPrecondition,
            output.string() + ": cannot be written: " + error.message()};
  }
  std::ifstream in(model / "config.json", std::ios::binary);
  nlohmann::json config = nlohmann::json::parse(in);  // LoadCheckpoint has read it
  config["num_hidden_layers"] = layers;
  config["dtype"] = "float32";
  config.erase("torch_dtype");
  const nlohmann::json record = {{"sparsweep", Versions().at("sparsweep")},
                                 {"made_by", "grow"},
                                 {"made_from", {{"fingerprint", *fingerprint}}},
                                 {"order", order},
                                 {"layers", *copied}};
  if (Status status = WriteText(output / "config.json", config.dump(2) + "\n"); !status.ok()) {
    return status;
  }
  if (Status status = WriteText(output / "sparsweep.json", record.dump(2) + "\n"); !status.ok()) {
    return status;
  }
  return WriteSafetensors(output / "model.safetensors", *tensors);
}

}  // namespace sparsweep
