// A data folder for a whole Server: enough of a model and a task for it to look at.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/server/harness.h"

namespace sparsweep {

// A data folder with one model and one task, small but whole as far as the server looks.
inline void FillData(const TempFolder& folder) {
  std::filesystem::create_directories(folder / "data/models/tiny");
  std::filesystem::create_directories(folder / "data/tasks");
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
  };
  write("data/models/tiny/config.json",
        R"({"architectures": ["BertModel"], "model_type": "bert", "num_hidden_layers": 2,
            "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 16,
            "vocab_size": 30, "max_position_embeddings": 512, "type_vocab_size": 2,
            "hidden_act": "gelu", "layer_norm_eps": 1e-12})");
  write("data/models/tiny/model.safetensors", "weights");
  write("data/models/tiny/tokenizer.json", "{}");
  write("data/tasks/toy.tsv", "text\tlabel\ngood\t1\n");
  write("data/tasks/toy.json",
        R"({"type": "classification", "files": {"train": ["toy.tsv"], "dev": ["toy.tsv"]},
            "format": "tsv", "columns": {"text": "text", "label": "label"}, "labels": ["0", "1"]})");
}

}  // namespace sparsweep
