// What a task trains for and is judged by: the loss of a batch of logits, and the metrics of a
// split as its logits come in. One for each type of task. Not here: the layers that make the logits
// (head.h), nor whose they are. One thread.
#pragma once

#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/sweep_spec.h"
#include "trainer/batches.h"

namespace sparsweep {

using Metrics = std::map<std::string, double>;  // accuracy, f1, loss, ...

// Takes the logits of a split in any order.
class Judge {
 public:
  virtual ~Judge() = default;
  // `examples`: numbers in the split, those of the batch.
  virtual void Add(const std::vector<int64_t>& examples, const Batch& batch,
                   const at::Tensor& logits) = 0;
  // Of all examples, without `loss`.
  virtual Metrics Finish() const = 0;
};

class Objective {
 public:
  virtual ~Objective() = default;
  // Of the task's type: classification, regression or qa.
  static std::unique_ptr<const Objective> Make(const TaskSpec& task);
  static std::unique_ptr<const Objective> OfClasses(int classes);

  virtual int outputs() const = 0;                  // of the head
  virtual bool per_token() const { return false; }  // logits are [B, N, outputs]
  // The mean or the sum over the batch.
  virtual at::Tensor Loss(const at::Tensor& logits, const Batch& batch,
                          at::Reduction::Reduction reduction) const = 0;
  // `null_threshold` of qa in place of the task's: what was the best on dev.
  virtual std::unique_ptr<Judge> MakeJudge(const TokenizedSplit& split,
                                           std::optional<double> null_threshold) const = 0;
};

}  // namespace sparsweep
