// The pre-trained weights of a BERT or RoBERTa, as they stay resident between trials: float32 on
// the CPU, under one set of names whatever the file called them. Not here: a trial's own copy
// (bert.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "core/result.h"
#include "trainer/bert_config.h"

namespace sparsweep {

// Names without the `bert.` or `roberta.` prefix, LayerNorm.weight and .bias; the query, key and
// value projections of a layer are one tensor "encoder.layer.I.attention.self.qkv.{weight,bias}".
// Heads ("pooler.", "classifier.", "qa_outputs.", "cls.predictions.", "lm_head.") are there only if
// the file has them, without decoders, which are tied to the word table.
struct Checkpoint {
  std::string folder;
  BertConfig config;
  std::map<std::string, at::Tensor> tensors;
};

// Reads config.json and model.safetensors. Every shape is checked against the configuration.
Result<std::shared_ptr<const Checkpoint>> LoadCheckpoint(const std::string& folder);

// Joins query, key and value of each layer to qkv.
void JoinProjections(Checkpoint* checkpoint);

}  // namespace sparsweep
