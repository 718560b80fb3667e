#include "trainer/degrees.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "attention/adaptive_span.h"
#include "attention/learned_window.h"

namespace sparsweep {

Degrees::Degrees(const Plan& plan, const LengthCounts& lengths, at::Device device)
    : plan_(plan), distances_(plan.context().max_length) {
  shares_ = at::tensor(DistanceShares(lengths, distances_), at::kFloat).to(device);
  for (int layer = 0; layer < plan.layers(); ++layer) {
    std::vector<Group> of_layer;
    for (int head = 0; head < plan.heads(); ++head) {
      const Pattern* pattern = &plan.at(layer, head);
      if (!IsLearned(*pattern)) continue;
      auto group = std::ranges::find(of_layer, pattern, &Group::pattern);
      if (group == of_layer.end()) {
        const auto* window = pattern->As<LearnedWindow>();
        const bool shared = window != nullptr && window->per == Per::kLayer;
        group = of_layer.insert(group, {layer, pattern, {}, shared, {}});
      }
      group->heads.push_back(head);
    }
    for (Group& group : of_layer) {
      const auto* window = group.pattern->As<LearnedWindow>();
      at::Tensor start = window != nullptr ? InitialDegreeLogits(MaxDegree(window->max, distances_))
                                           : InitialSpan();
      std::vector<at::Tensor> rows(group.rows(), start);
      group.value = at::stack(rows).to(device).requires_grad_(true);
      groups_.push_back(std::move(group));
    }
  }
}

std::vector<at::Tensor> Degrees::parameters() const {
  std::vector<at::Tensor> values;
  for (const Group& group : groups_) values.push_back(group.value);
  return values;
}

at::Tensor Degrees::Weights(const Group& group) const {
  if (const auto* span = group.pattern->As<AdaptiveSpan>()) {
    return AdaptiveSpanWeights(group.value, MaxDegree(span->max, distances_), span->ramp,
                               distances_);
  }
  at::Tensor weights = LearnedWindowWeights(group.value);
  return at::constant_pad_nd(weights, {0, distances_ - weights.size(1)});
}

SoftWindows Degrees::Windows(int layer) const {
  std::vector<std::pair<int, int64_t>> row_of_head;
  std::vector<at::Tensor> parts;
  int64_t rows = 0;
  for (const Group& group : groups_) {
    if (group.layer != layer) continue;
    parts.push_back(Weights(group));
    for (size_t i = 0; i < group.heads.size(); ++i) {
      row_of_head.emplace_back(group.heads[i], rows + (group.shared ? 0 : static_cast<int64_t>(i)));
    }
    rows += group.rows();
  }
  std::ranges::sort(row_of_head);
  SoftWindows windows;
  std::vector<int64_t> order;
  for (const auto& [head, row] : row_of_head) {
    windows.heads.push_back(head);
    order.push_back(row);
  }
  windows.weights =
      at::cat(parts).index_select(0, at::tensor(order, at::kLong).to(shares_.device()));
  return windows;
}

at::Tensor Degrees::Price() const {
  struct Sum {
    at::Tensor total;  // over the heads of one layer
    int64_t heads = 0;
  };
  std::map<int, Sum> densities, spans;
  for (const Group& group : groups_) {
    const auto* span = group.pattern->As<AdaptiveSpan>();
    at::Tensor of_rows = span != nullptr ? SpanOf(group.value, MaxDegree(span->max, distances_))
                                         : at::matmul(Weights(group), shares_);
    const int64_t heads = static_cast<int64_t>(group.heads.size());
    at::Tensor total = of_rows.sum() * static_cast<double>(heads / group.rows());
    Sum& sum = (span != nullptr ? spans : densities)[group.layer];
    sum.total = sum.total.defined() ? sum.total + total : total;
    sum.heads += heads;
  }
  at::Tensor price = at::zeros({}, shares_.options());
  for (const auto* layers : {&densities, &spans}) {
    for (const auto& [layer, sum] : *layers) {
      price = price + sum.total / static_cast<double>(sum.heads * layers->size());
    }
  }
  return price;
}

Result<LearnedDegrees> Degrees::Current() const {
  LearnedDegrees learned;
  for (const Group& group : groups_) {
    at::Tensor value = group.value.detach().to(at::kCPU);
    if (!value.isfinite().all().item<bool>()) {
      return InvalidArgument("a degree parameter of layer " + std::to_string(group.layer) +
                             " is not finite; lower degree_lr or lambda");
    }
    const auto* span = group.pattern->As<AdaptiveSpan>();
    at::Tensor known = span != nullptr ? SpanOf(value, MaxDegree(span->max, distances_))
                                       : DegreeProbabilities(value.to(at::kDouble));
    known = known.to(at::kDouble).contiguous();
    for (size_t i = 0; i < group.heads.size(); ++i) {
      const int64_t row = group.shared ? 0 : static_cast<int64_t>(i);
      if (span != nullptr) {
        learned.Set(group.layer, group.heads[i], known[row].item<double>());
        continue;
      }
      const int64_t count = known.size(1);
      learned.Set(group.layer, group.heads[i],
                  DegreeDistribution::Rounded(
                      {known.const_data_ptr<double>() + row * count, static_cast<size_t>(count)}));
    }
  }
  return learned;
}

std::vector<Degrees::Cell> Degrees::cells() const {
  std::vector<Cell> cells;
  for (const Group& group : groups_) {
    if (group.shared) {
      cells.push_back({group.layer, group.heads});
      continue;
    }
    for (const int head : group.heads) cells.push_back({group.layer, {head}});
  }
  std::ranges::sort(cells, {}, [](const Cell& c) { return std::pair(c.layer, c.heads[0]); });
  return cells;
}

}  // namespace sparsweep
