// AdamW as torch.optim.AdamW computes it (betas 0.9 and 0.999, eps 1e-8, decoupled decay), after
// clipping by the global gradient norm, and the learning-rate schedule. Gradients add up over the
// backward passes between two steps. One thread.
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
  // Frozen parameters are left out. `degrees` are a group of their own: no decay, outside the norm
  // and its clipping.
  AdamW(std::vector<Parameter> parameters, double weight_decay,
        std::vector<at::Tensor> degrees = {});

  // Uses and frees the parameters' gradients. `clip` 0: no clipping. Returns the norm before it.
  double Step(double learning_rate, double clip, double degree_rate = 0);

  // All that a later optimizer of the same parameters needs to go on to the same numbers. The
  // tensors are this optimizer's own.
  struct State {
    std::vector<at::Tensor> tensors;
    std::vector<double> decayed;
  };
  State state() const;
  // `state` is of an optimizer of parameters of these shapes.
  void Restore(const State& state);

  // What decay alone has made of the parameter of this name so far, as a factor: what became of
  // values that no gradient reached. 1 for frozen ones.
  double Decayed(const std::string& name) const;

 private:
  // Parameters of equal decay and rate.
  struct Group {
    double decay = 0, rate = 1;
    double decayed = 1;
    std::vector<std::string> names;
    std::vector<at::Tensor> values, means, squares, steps;
    void Add(std::string name, at::Tensor value);
    void Step(double learning_rate, const std::optional<at::Tensor>& divisor);
  };
  std::vector<Group> groups_;
  Group degrees_;
};

}  // namespace sparsweep
