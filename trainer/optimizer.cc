#include "trainer/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
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

void AdamW::Group::Add(std::string name, at::Tensor value) {
  names.push_back(std::move(name));
  means.push_back(at::zeros_like(value, at::TensorOptions().requires_grad(false)));
  squares.push_back(at::zeros_like(value, at::TensorOptions().requires_grad(false)));
  steps.push_back(at::zeros({}, value.options().requires_grad(false)));
  values.push_back(std::move(value));
}

void AdamW::Group::Step(double learning_rate, const std::optional<at::Tensor>& divisor) {
  if (values.empty()) return;
  learning_rate *= rate;
  decayed *= 1 - learning_rate * decay;
  std::vector<at::Tensor> grads;
  for (at::Tensor& value : values) grads.push_back(value.grad());
  at::_foreach_add_(steps, 1);
  at::_fused_adamw_(values, grads, means, squares, {}, steps, learning_rate, 0.9, 0.999, decay,
                    1e-8, /*amsgrad=*/false, /*maximize=*/false, divisor, std::nullopt);
  for (at::Tensor& value : values) value.mutable_grad().reset();
}

AdamW::AdamW(std::vector<Parameter> parameters, double weight_decay,
             std::vector<at::Tensor> degrees) {
  // Those that decay first, so that the norm sums in one order whatever the rates.
  for (const bool decays : {true, false}) {
    for (Parameter& parameter : parameters) {
      if (parameter.decays != decays || !parameter.value.requires_grad()) continue;
      const double decay = decays ? weight_decay : 0;
      auto group = std::ranges::find_if(
          groups_, [&](const Group& g) { return g.decay == decay && g.rate == parameter.rate; });
      if (group == groups_.end()) {
        groups_.emplace_back();
        group = groups_.end() - 1;
        group->decay = decay;
        group->rate = parameter.rate;
      }
      group->Add(std::move(parameter.name), std::move(parameter.value));
    }
  }
  for (at::Tensor& value : degrees) degrees_.Add("", std::move(value));
}

double AdamW::Step(double learning_rate, double clip, double degree_rate) {
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
  for (Group& group : groups_) group.Step(learning_rate, divisor);
  degrees_.Step(degree_rate, std::nullopt);
  return norm;
}

AdamW::State AdamW::state() const {
  State state;
  const auto add = [&](const Group& group) {
    for (const auto* tensors : {&group.means, &group.squares, &group.steps}) {
      state.tensors.insert(state.tensors.end(), tensors->begin(), tensors->end());
    }
    state.decayed.push_back(group.decayed);
  };
  for (const Group& group : groups_) add(group);
  add(degrees_);
  return state;
}

void AdamW::Restore(const State& from) {
  at::NoGradGuard no_grad;
  const State own = state();
  for (size_t i = 0; i < own.tensors.size(); ++i) own.tensors[i].copy_(from.tensors[i]);
  for (size_t i = 0; i < groups_.size(); ++i) groups_[i].decayed = from.decayed[i];
}

double AdamW::Decayed(const std::string& name) const {
  for (const Group& group : groups_) {
    if (std::ranges::find(group.names, name) != group.names.end()) return group.decayed;
  }
  return 1;
}

}  // namespace sparsweep
