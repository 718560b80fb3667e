// The masks of a prediction: those that the trial's own evaluation would give the input's texts.
// Not here: what is predicted (predict_command.h), and what the masks are made of (plan_phase.h,
// trial_texts.h, learned_run.h). The main thread.
#pragma once

#include <memory>
#include <string>

#include "trainer/plan_phase.h"
#include "trainer/reader.h"
#include "trainer/tokens.h"
#include "trainer/trial_run.h"

namespace sparsweep {

struct PredictMasksRequest {
  const TrialSpec& spec;  // whose model has the weights; learned degrees lie beside them
  // The trial as it ran, whose model is the one from before the training: lexical compares its
  // word vectors. Null: they are those of `spec`.
  const TrialSpec* base;
  const std::string& input;   // its CoNLL-U sentences, where the task has such, are INPUT.conllu
  const Examples& examples;   // all in dev; empty for questions
  const TokenizedSplit& dev;  // the same as tokens, or the windows of questions
};

// Learned patterns are hardened. `cache` outlives what is given.
Result<std::unique_ptr<const TrialMasks>> PredictMasks(const PredictMasksRequest& request,
                                                       const TrainerOptions& options,
                                                       MaskCache& cache);

}  // namespace sparsweep
