// One optimizer step of a model under its masks, as every kind that trains takes it, and masks of
// examples made ahead of it. Not here: which batches, and what happens between steps (train.h,
// pretrain_train.h). One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/batches.h"
#include "trainer/bert.h"
#include "trainer/failure.h"
#include "trainer/optimizer.h"
#include "trainer/train.h"

namespace sparsweep {

// How many batches ahead the masks of examples are built.
inline constexpr size_t kAhead = 4;

// Has the masks of batch i built in the background, if there is such a batch. `first`: as in
// MakeBatch.
void PrefetchMasks(const Bert& model, const BatchOrder& order, size_t i, int64_t first = 0);

// "the loss of step 7 is not finite": `where` is "loss of", "gradient of", ..
Failure Diverged(const std::string& where, int64_t step);

// The metrics of an evaluation. With learned patterns it is done twice, under the soft windows and
// under the masks they harden to: the metrics are the latter's, with the former's beside them as
// soft_accuracy, ..; `number` is that of the evaluation and `metric` its primary one.
std::variant<Metrics, Failure> EvaluateHardened(Bert& model, LearnedRun* learned, int number,
                                                const std::string& metric,
                                                const std::function<Metrics()>& evaluate);

class Stepper {
 public:
  using LossOf = std::function<at::Tensor(const at::Tensor& logits, const Batch& batch)>;
  // All must outlive this. `loss` is a batch's mean.
  Stepper(const TrainRequest& request, Bert& model, TrainObserver& observer, LossOf loss);

  struct Part {
    Batch batch;
    double share;  // of the step's loss
  };
  // The gradient is that of the shares' sum. Part k draws its dropout as pass `pass` + k does.
  // Counts the step in *outcome, and the products of attention where `first_epoch`; `finished` are
  // the epochs after it.
  MaybeFailure Step(const std::vector<Part>& parts, uint32_t pass, bool first_epoch,
                    double finished, TrainOutcome* outcome);

  int64_t steps() const { return steps_; }  // of the whole training
  AdamW& optimizer() { return optimizer_; }

 private:
  const TrainRequest& request_;
  const TrainingOptions& options_;
  Bert& model_;
  TrainObserver& observer_;
  const LossOf loss_;
  const int64_t steps_;
  AdamW optimizer_;
};

}  // namespace sparsweep
