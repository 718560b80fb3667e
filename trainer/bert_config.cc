#include "trainer/bert_config.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace sparsweep {
namespace {

struct Field {
  const char* name;
  int BertConfig::*target;
  bool required;
};

Status Unsupported(const std::string& path, const std::string& field, const nlohmann::json& value,
                   const std::string& supported) {
  return InvalidArgument(path + ": " + field + " is " + value.dump() + "; this trainer has " +
                         supported);
}

}  // namespace

Result<BertConfig> ReadBertConfig(const std::string& folder) {
  const std::string path = folder + "/config.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path + ": cannot be opened");
  std::stringstream text;
  text << in.rdbuf();
  auto json = nlohmann::json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidArgument(path + ": is not a JSON object");

  // What must be exactly this, where it is said at all.
  const std::pair<const char*, const char*> fixed[] = {{"hidden_act", "gelu"},
                                                       {"position_embedding_type", "absolute"}};
  for (auto [name, value] : fixed) {
    if (json.contains(name) && json[name] != value) {
      return Unsupported(path, name, json[name], "\"" + std::string(value) + "\" only");
    }
  }
  const std::string supported = "\"bert\" and \"roberta\" only";
  if (!json.contains("model_type")) {
    return InvalidArgument(path + ": model_type is missing; this trainer has " + supported);
  }
  BertConfig config;
  if (json["model_type"] == "roberta") {
    config.architecture = Architecture::kRoberta;
    config.pad_token = 1;
  } else if (json["model_type"] != "bert") {
    return Unsupported(path, "model_type", json["model_type"], supported);
  }
  const Field fields[] = {{"hidden_size", &BertConfig::hidden, true},
                          {"num_hidden_layers", &BertConfig::layers, true},
                          {"num_attention_heads", &BertConfig::heads, true},
                          {"intermediate_size", &BertConfig::intermediate, true},
                          {"vocab_size", &BertConfig::vocab, true},
                          {"max_position_embeddings", &BertConfig::max_positions, true},
                          {"type_vocab_size", &BertConfig::types, false}};
  for (const Field& field : fields) {
    auto value = json.find(field.name);
    if (value == json.end()) {
      if (!field.required) continue;
      return InvalidArgument(path + ": " + field.name + " is missing");
    }
    if (!value->is_number_integer() || *value < 1 || *value > 100'000'000) {
      return InvalidArgument(path + ": " + field.name + " is " + value->dump() +
                             ", not a whole number of at least 1");
    }
    config.*field.target = value->get<int>();
  }
  if (auto pad = json.find("pad_token_id"); pad != json.end() && !pad->is_null()) {
    if (!pad->is_number_integer() || *pad < 0 || *pad >= config.vocab) {
      return InvalidArgument(path + ": pad_token_id is " + pad->dump() +
                             ", not a token of the vocabulary");
    }
    config.pad_token = pad->get<int>();
  }
  if (config.architecture == Architecture::kRoberta) {
    config.position_offset = config.pad_token + 1;
    config.max_positions -= config.position_offset;
    if (config.max_positions < 1) {
      return InvalidArgument(path + ": max_position_embeddings leaves no position beside the " +
                             std::to_string(config.position_offset) + " that RoBERTa skips");
    }
  }
  const std::pair<const char*, double BertConfig::*> reals[] = {
      {"layer_norm_eps", &BertConfig::norm_epsilon},
      {"initializer_range", &BertConfig::initializer_range}};
  for (auto [name, target] : reals) {
    auto value = json.find(name);
    if (value == json.end()) continue;
    if (!value->is_number() || *value < 0) {
      return InvalidArgument(path + ": " + name + " is " + value->dump() + ", not a number >= 0");
    }
    config.*target = value->get<double>();
  }
  if (config.hidden % config.heads != 0) {
    return InvalidArgument(path + ": hidden_size " + std::to_string(config.hidden) +
                           " does not divide by num_attention_heads " +
                           std::to_string(config.heads));
  }
  return config;
}

}  // namespace sparsweep
