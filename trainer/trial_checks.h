// What a trial asks of a model's configuration and tokenizer, and of this trainer, in refusals of
// one sentence. Not here: fingerprints and files (trial_run.h). Any thread.
#pragma once

#include "core/plan.h"
#include "core/result.h"
#include "core/trial.h"
#include "trainer/bert_config.h"
#include "trainer/device.h"
#include "trainer/tokens.h"

namespace sparsweep {

// That the kind has weights to keep.
Status CheckKeep(const TrialSpec& spec);
// Layers, heads and positions.
Status CheckModel(const TrialSpec& spec, const BertConfig& config);
// That the device computes in this precision.
Status CheckPrecision(const std::string& precision, const DeviceFacts& device);
// That masks of words are there for the task.
Status CheckWords(const Plan& plan, const TaskSpec& task);
// No token id that the word embeddings have not.
Status CheckVocabulary(const TrialSpec& spec, const Tokenizer& tokenizer, const BertConfig& config);

}  // namespace sparsweep
