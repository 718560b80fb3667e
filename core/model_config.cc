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
  const bool roberta = config.contains("model_type") && config["model_type"] == "roberta";
  if (config.contains("model_type") && config["model_type"] != "bert" && !roberta) {
    return InvalidArgument("architecture " + config["model_type"].dump() +
                           " of config.json is unknown; known: bert, roberta");
  }
  if (!config.contains("model_type") && config.contains("architectures")) {
    const std::string text = config["architectures"].dump();
    if (text.find("\"Bert") == std::string::npos) {
      return InvalidArgument("architecture " + text + " of config.json is unknown; known: bert, roberta");
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
  if (roberta) {  // its positions count from the one after the padding token's
    int64_t pad = 1;
    if (config.contains("pad_token_id") && !config["pad_token_id"].is_null() &&
        !ReadWhole(config["pad_token_id"], "pad_token_id", &out, 0, model->vocab - 1, &pad)) {
      return out.ToStatus();
    }
    model->max_positions -= static_cast<int>(pad) + 1;
    if (model->max_positions < 1) {
      return InvalidArgument("max_position_embeddings of config.json leaves no position beside the " +
                             std::to_string(pad + 1) + " that RoBERTa skips");
    }
  }
  if (model->hidden % model->heads != 0) {
    return InvalidArgument("hidden_size " + std::to_string(model->hidden) +
                           " of config.json is not a multiple of num_attention_heads " +
                           std::to_string(model->heads));
  }
  return {};
}

}  // namespace sparsweep
