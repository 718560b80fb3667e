#include "trainer/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace sparsweep {

double LearningRate(double base, const std::string& schedule, double warmup, int64_t step,
                    int64_t steps) {
  const int64_t warm = static_cast<int64_t>(std::ceil(warmup * static_cast<double>(steps)));
  if (step < warm)
    return base * static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, warm));
  if (schedule == "constant") return base;
  return base * std::max(0.0, static_cast<double>(steps - step) /
                                  static_cast<double>(std::max<int64_t>(1, steps - warm)));
}

AdamW::AdamW(std::vector<Parameter> parameters, double weight_decay) {
  groups_[0].decay = weight_decay;
  groups_[1].decay = 0;
  for (Parameter& parameter : parameters) {
    Group& group = groups_[parameter.decays ? 0 : 1];
    group.means.push_back(
        at::zeros_like(parameter.value, at::TensorOptions().requires_grad(false)));
    group.squares.push_back(
        at::zeros_like(parameter.value, at::TensorOptions().requires_grad(false)));
    group.steps.push_back(at::zeros({}, parameter.value.options().requires_grad(false)));
    group.values.push_back(std::move(parameter.value));
  }
}

double AdamW::Step(double learning_rate, double clip) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> all;
  for (Group& group : groups_) {
    for (at::Tensor& value : group.values) all.push_back(value.grad());
  }
  const double norm = at::stack(at::_foreach_norm(all)).norm().item<double>();
  // grad_scale divides: the reciprocal of torch.nn.utils.clip_grad_norm_'s coefficient.
  std::optional<at::Tensor> divisor;
  if (clip > 0 && norm + 1e-6 > clip) {
    divisor = at::full({}, (norm + 1e-6) / clip, all[0].options());
  }
  for (Group& group : groups_) {
    std::vector<at::Tensor> grads;
    for (at::Tensor& value : group.values) grads.push_back(value.grad());
    at::_foreach_add_(group.steps, 1);
    at::_fused_adamw_(group.values, grads, group.means, group.squares, {}, group.steps,
                      learning_rate, 0.9, 0.999, group.decay, 1e-8, /*amsgrad=*/false,
                      /*maximize=*/false, divisor, std::nullopt);
    for (at::Tensor& value : group.values) value.mutable_grad().reset();
  }
  return norm;
}

}  // namespace sparsweep
