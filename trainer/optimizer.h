// AdamW as torch.optim.AdamW computes it (betas 0.9 and 0.999, eps 1e-8, decoupled decay), after
// clipping by the global gradient norm, and the learning-rate schedule. One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/bert.h"

namespace sparsweep {

// transformers' get_linear_schedule_with_warmup (schedule "linear") and
// get_constant_schedule_with_warmup ("constant"): the rate of step `step` of `steps`, from 0.
// Warm-up takes ceil(warmup * steps) steps.
double LearningRate(double base, const std::string& schedule, double warmup, int64_t step,
                    int64_t steps);

class AdamW {
 public:
  // `degrees` are a group of their own: no decay, outside the norm and its clipping.
  AdamW(std::vector<Parameter> parameters, double weight_decay,
        std::vector<at::Tensor> degrees = {});

  // Uses and frees the parameters' gradients. `clip` 0: no clipping. Returns the norm before it.
  double Step(double learning_rate, double clip, double degree_rate = 0);

 private:
  struct Group {
    double decay;
    std::vector<at::Tensor> values, means, squares, steps;
    void Add(at::Tensor value);
    void Step(double learning_rate, const std::optional<at::Tensor>& divisor);
  };
  Group groups_[2];
  Group degrees_{0, {}, {}, {}, {}};
};

}  // namespace sparsweep
