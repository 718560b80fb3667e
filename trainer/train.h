// The training loop of one trial: batches, steps, evaluation per epoch. Not here: where model and
// data come from (trial_run.h), and the protocol. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"
#include "core/trial.h"
#include "trainer/bert.h"
#include "trainer/failure.h"
#include "trainer/learned_run.h"
#include "trainer/objective.h"
#include "trainer/optimizer.h"
#include "trainer/tokens.h"

namespace sparsweep {

struct StepReport {
  int64_t step, steps;  // finished, of
  double epoch;         // finished share: 1.5 is the middle of the second
  double loss, learning_rate;
};

// What the loop tells and asks while it runs.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void OnStep(const StepReport& report) = 0;
  virtual void OnEvaluation(int64_t step, double epoch, const Metrics& metrics) = 0;
  virtual bool Cancelled() = 0;  // asked between two steps
};

struct TrainOutcome {
  Metrics metrics;       // of the reported epoch, on dev
  Metrics test_metrics;  // and on test, where there is one
  int64_t epoch = 0;  // that one, from 1
  int64_t steps = 0;
  double train_seconds = 0, eval_seconds = 0;
  double flops = 0;  // of the products of attention in one epoch, forward and backward
  std::chrono::steady_clock::time_point first_step;  // its start
};

struct TrainRequest {
  const TrainingOptions* options;
  const TokenizedSplit* train;
  const TokenizedSplit* dev;
  const Objective* objective;
  uint64_t seed = 0;
  at::Device device = at::kCPU;
  Implementation implementation = Implementation::kAuto;
  LearnedRun* learned = nullptr;    // of plans with learned patterns
  const TokenizedSplit* test = nullptr;  // evaluated at the reported epoch; null: there is none
  std::string metric = "accuracy";  // on dev, tells which epoch is better
  bool lower_is_better = false;
  // Called when the model is the one to keep: after each epoch that is the best so far, or at the
  // end.
  enum class Save { kNever, kBest, kLast } save_when = Save::kNever;
  std::function<Status(const AdamW& optimizer)> save = {};
};

// Examples per batch of an evaluation.
inline constexpr int64_t kEvalBatch = 64;

// Steps of a trial with `examples` training examples.
int64_t TotalSteps(const TrainingOptions& options, int64_t examples);

// Trains `model` in place; `options` say how many batches a step has, when to stop early and which
// epoch is reported. With learned patterns the metrics are those of the hardened masks, and
// those of the soft windows stand beside them as soft_accuracy, ..; the model is left with the
// masks it came with, `request.learned` hardened as of the end. The error is a Failure: diverged or
// interrupted.
std::variant<TrainOutcome, Failure> Train(const TrainRequest& request, Bert& model,
                                          TrainObserver& observer);

// The objective's metrics and mean loss over a split; nothing is drawn. `first`: as in MakeBatch,
// `null_threshold`: as in Objective::MakeJudge.
Metrics Evaluate(const Bert& model, const TokenizedSplit& split, const Objective& objective,
                 at::Device device, Implementation implementation = Implementation::kAuto,
                 int64_t first = 0, std::optional<double> null_threshold = {});

}  // namespace sparsweep
