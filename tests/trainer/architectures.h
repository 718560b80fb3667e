// A small model of either architecture, with the golden's tokenizer and vocabulary of 300.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/trainer/temp_folder.h"
#include "trainer/random_weights.h"

namespace sparsweep {

inline const std::string kGoldenRoberta = SPARSWEEP_SOURCE_DIR "/tests/trainer/golden/roberta";

// `folder` is where the BERT's files are made.
inline std::shared_ptr<const Checkpoint> SmallModel(bool roberta, const TempFolder& folder) {
  if (roberta) return LoadCheckpoint(kGoldenRoberta).value();
  auto config = nlohmann::json::parse(std::ifstream(kGoldenRoberta + "/config.json"));
  config["model_type"] = "bert";
  config["max_position_embeddings"] = 64;
  config["type_vocab_size"] = 2;
  config["pad_token_id"] = 0;
  folder.Write("config.json", config.dump());
  std::filesystem::copy_file(kGoldenRoberta + "/tokenizer.json", folder.path() / "tokenizer.json");
  return RandomCheckpoint(folder.path().string(), 5).value();
}

}  // namespace sparsweep
