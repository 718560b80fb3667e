// `sparsweep-trainer predict`: what a trained model makes of the user's own texts, under a mask.
// Not here: the command that asks (client/predict_command.cc). The main thread.
#pragma once

#include <string>

#include "core/result.h"
#include "trainer/trial_run.h"

namespace sparsweep {

// `request` is JSON: "trial" (a TrialSpec: model, task, attention, max_length, pooling, precision,
// mask seed), "input" and "output" (files of JSON lines), and if wanted "base" (the trial as it
// ran, where "trial" names the weights that it kept), "hidden" (true: with the last hidden states),
// "batch_size" (32). Each output line has, in the order of the input, "logits" and "label"
// (classification), "value" (regression), or "answer" and "null_score" (qa: how much likelier "no
// answer" is), and "hidden" as a list for each token; a task without labels gives hidden states
// alone. The answer is {"examples": n, "output": file}.
Result<std::string> Predict(const std::string& request, const TrainerOptions& options);

}  // namespace sparsweep
