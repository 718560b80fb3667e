// See model_config.h.
#include "core/model_config.h"

#include "core/json.h"

namespace sparsweep {

Status ReadModelConfig(const std::string& json_text, ResolvedModel* model) {
  Result<nlohmann::json> parsed = ParseJson(json_text, "config.json");
  if (!parsed.ok()) return parsed.status();
  const nlohmann::json& config = *parsed;
  if (!config.is_object()) return InvalidArgument("config.json holds no object");

  // The config of the original BERT release has no model_type; all its numbers are BERT's.
  if (config.contains("model_type") && config["model_type"] != "bert") {
    return InvalidArgument("architecture " + config["model_type"].dump() +
                           " of config.json is unknown; known: bert");
  }
  if (!config.contains("model_type") && config.contains("architectures")) {
    const std::string text = config["architectures"].dump();
    if (text.find("\"Bert") == std::string::npos) {
      return InvalidArgument("architecture " + text + " of config.json is unknown; known: bert");
    }
  }
  Violations out;
  const auto read = [&](const char* name, int64_t high, int* result) {
    int64_t value = 0;
    if (!config.contains(name)) {
      out.Add("", std::string(name) + " is missing in config.json");
    } else if (ReadWhole(config[name], name, &out, 1, high, &value)) {
      *result = static_cast<int>(value);
    }
  };
  read("num_hidden_layers", 65534, &model->layers);
  read("num_attention_heads", 65534, &model->heads);
  read("hidden_size", 1 << 24, &model->hidden);
  read("vocab_size", 1 << 30, &model->vocab);
  read("max_position_embeddings", 1 << 24, &model->max_positions);
  if (!out.empty()) return out.ToStatus();
  if (model->hidden % model->heads != 0) {
    return InvalidArgument("hidden_size " + std::to_string(model->hidden) +
                           " of config.json is not a multiple of num_attention_heads " +
                           std::to_string(model->heads));
  }
  return {};
}

}  // namespace sparsweep
