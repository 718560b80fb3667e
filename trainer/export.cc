#include "trainer/export.h"

#include <ATen/ATen.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/catalog.h"
#include "trainer/device.h"
#include "trainer/layout.h"
#include "trainer/safetensors_writer.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;
using Weights = std::map<std::string, at::Tensor>;

Result<std::string> ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path.string() + ": cannot be opened");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Prefix(const BertConfig& config) {
  return config.architecture == Architecture::kRoberta ? "roberta." : "bert.";
}

// Under the name that transformers has for a head's or an encoder's parameter.
void AddNamed(const BertConfig& config, const std::string& name, const at::Tensor& value,
              Weights* out) {
  const std::string prefix = Prefix(config);
  constexpr std::string_view kJoined = "attention.self.qkv";
  if (const size_t at = name.find(kJoined); at != std::string::npos) {
    const std::vector<at::Tensor> parts = value.chunk(3, 0);
    const char* const names[] = {"query", "key", "value"};
    for (int part = 0; part < 3; ++part) {
      std::string own = name;
      own.replace(at, kJoined.size(), std::string("attention.self.") + names[part]);
      (*out)[prefix + own] = parts[part];
    }
    return;
  }
  const bool encoder = name.starts_with("embeddings.") || name.starts_with("encoder.") ||
                       name.starts_with("pooler.");
  (*out)[(encoder ? prefix : "") + name] = value;
}

}  // namespace

Status WriteText(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out) return {};
  return {StatusCode::kFailedPrecondition,
          path.string() + ": cannot be written; is the disk full?"};
}

Weights NamedWeights(const Bert& model, const Checkpoint& checkpoint, const AdamW& optimizer) {
  Weights weights;
  const BertOptions& options = model.options();
  const std::vector<int64_t> rows(options.vocabulary.begin(), options.vocabulary.end());
  for (const Parameter& parameter : model.parameters()) {
    at::Tensor value = parameter.value.detach().to(at::kCPU);
    const bool words = parameter.name == "embeddings.word_embeddings.weight";
    if (words || parameter.name == "embeddings.position_embeddings.weight") {
      at::Tensor whole = checkpoint.tensors.at(parameter.name) * optimizer.Decayed(parameter.name);
      if (words) {
        whole.index_copy_(0, at::tensor(rows), value);
      } else {
        whole.narrow(0, model.config().position_offset, options.max_length).copy_(value);
      }
      value = whole;
    }
    AddNamed(model.config(), parameter.name, value, &weights);
  }
  return weights;
}

Result<std::string> TrainedConfig(const Checkpoint& checkpoint, const TaskSpec& task,
                                  const BertOptions& options) {
  const fs::path path = fs::path(checkpoint.folder) / "config.json";
  auto text = ReadText(path);
  if (!text.ok()) return text.status();
  auto config = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) return InvalidArgument(path.string() + ": is not a JSON object");
  const bool roberta = checkpoint.config.architecture == Architecture::kRoberta;
  std::string architecture = roberta ? "Roberta" : "Bert";
  if (options.head.kind == HeadKind::kSpan) {
    architecture += "ForQuestionAnswering";
  } else if (options.head.kind == HeadKind::kMaskedLm) {
    architecture += "ForMaskedLM";
  } else if (options.head.mean_pooling) {
    architecture += "Model";  // transformers has no class whose head takes the mean
  } else {
    architecture += "ForSequenceClassification";
  }
  config["architectures"] = {architecture};
  config["dtype"] = "float32";
  config.erase("torch_dtype");
  config.erase("num_labels");
  if (options.head.kind == HeadKind::kSequence) {
    config["id2label"] = nlohmann::json::object();
    config["label2id"] = nlohmann::json::object();
    for (int i = 0; i < options.head.outputs; ++i) {
      const std::string label = static_cast<size_t>(i) < task.labels.size()
                                    ? task.labels[i]
                                    : "LABEL_" + std::to_string(i);
      config["id2label"][std::to_string(i)] = label;
      config["label2id"][label] = i;
    }
    config["problem_type"] =
        task.type == "regression" ? "regression" : "single_label_classification";
  }
  return config.dump(2) + "\n";
}

Status WriteModel(const Bert& model, const Checkpoint& checkpoint, const AdamW& optimizer,
                  const TrialSpec& spec, const fs::path& folder,
                  const std::vector<DegreeRow>& learned) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return {StatusCode::kFailedPrecondition,
            folder.string() + ": cannot be made: " + error.message()};
  }
  auto config = TrainedConfig(checkpoint, spec.task, model.options());
  if (!config.ok()) return config.status();
  auto tokenizer = ReadText(fs::path(checkpoint.folder) / "tokenizer.json");
  if (!tokenizer.ok()) return tokenizer.status();
  nlohmann::json record = {
      {"sparsweep", Versions().at("sparsweep")},
      {"made_by", "trial"},
      {"identity", spec.identity},
      {"made_from", {{"fingerprint", spec.model_fingerprint}, {"init", spec.training.init}}},
      {"data_fingerprint", spec.data_fingerprint},
      {"attention", spec.attention},
      {"pooling", spec.training.pooling},
      {"seed", spec.seed},
      {"epoch", spec.keep}};
  if (!learned.empty()) record["degrees"] = nlohmann::json::parse(DegreeRowsToJson(learned));
  const std::pair<const char*, std::string> files[] = {
      {"config.json", *config},
      {"tokenizer.json", *tokenizer},
      {"sparsweep.json", record.dump(2) + "\n"}};
  for (const auto& [name, text] : files) {
    if (Status status = WriteText(folder / name, text); !status.ok()) return status;
  }
  return WriteSafetensors(folder / "model.safetensors", NamedWeights(model, checkpoint, optimizer));
}

Result<LearnedDegrees> LearnedOfModel(const Plan& plan, const std::string& model,
                                      const fs::path& folder) {
  const auto refusal = [&](const std::string& why) {
    return InvalidArgument("\"" + plan.canonical() + "\" has learned patterns, and model \"" +
                           model + "\" " + why +
                           "; name a trial that learned them and kept its weights, or write the "
                           "degrees, such as window(4)");
  };
  auto text = ReadText(folder / "sparsweep.json");
  if (!text.ok()) return refusal("was not made by a trial");
  const auto record = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("degrees")) return refusal("has no learned degrees");
  auto rows = ParseDegreeRows(record["degrees"].dump());
  if (!rows.ok()) return refusal("has none that can be read: " + rows.status().message());
  auto learned = LearnedDegrees::OfResult(plan, *rows);
  if (!learned.ok()) return refusal("learned others: " + learned.status().message());
  return learned;
}

KeptModel::~KeptModel() {
  std::error_code ignored;
  if (!finished_) fs::remove_all(folder_, ignored);
}

Result<KeptCheckpoint> KeptModel::Finish() {
  KeptCheckpoint kept;
  HashCache hashes;
  auto fingerprint = ModelFingerprint(folder_, hashes);
  if (!fingerprint.ok()) return fingerprint.status();
  kept.fingerprint = *fingerprint;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    auto digest = hashes.FileSha256(entry.path());
    if (!digest.ok()) return digest.status();
    kept.files[entry.path().filename().string()] = *digest;
  }
  finished_ = true;
  return kept;
}

}  // namespace sparsweep
