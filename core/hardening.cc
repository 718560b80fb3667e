// See hardening.h.
#include "core/hardening.h"

#include <algorithm>

namespace sparsweep {

std::vector<double> SoftWindowWeights(const Pattern& pattern, const LearnedDegree& learned,
                                      int distances) {
  std::vector<double> weights(distances, 0.0);
  if (const auto* span = pattern.As<AdaptiveSpan>()) {
    for (int x = 0; x < distances; ++x) {
      weights[x] = SpanWeight(std::get<double>(learned), span->ramp, x);
    }
    return weights;
  }
  const std::vector<uint32_t> tail = std::get<DegreeDistribution>(learned).AtLeast();
  for (size_t x = 0; x < std::min(tail.size(), weights.size()); ++x) {
    weights[x] = static_cast<double>(tail[x]) / DegreeDistribution::kWhole;
  }
  return weights;
}

double ExpectedDensity(const Pattern& pattern, const LearnedDegree& learned,
                       const LengthCounts& lengths) {
  if (const auto* span = pattern.As<AdaptiveSpan>()) {
    return SpanExpectedDensity(std::get<double>(learned), span->ramp, lengths);
  }
  return std::get<DegreeDistribution>(learned).ExpectedDensity(lengths);
}

std::vector<int> HardenedDegrees(const Pattern& pattern, const LearnedDegree& learned, int length,
                                 const MaskContext& context) {
  if (const auto* span = pattern.As<AdaptiveSpan>()) {
    return std::vector<int>(length, SpanDegree(std::get<double>(learned), span->ramp));
  }
  const auto& distribution = std::get<DegreeDistribution>(learned);
  switch (pattern.As<LearnedWindow>()->harden) {
    case Harden::kMean:
      return std::vector<int>(length, distribution.MeanDegree());
    case Harden::kThreshold:
      return std::vector<int>(length, distribution.ThresholdDegree());
    case Harden::kSample:
      break;
  }
  return distribution.SampleDegrees(length, context);
}

Result<LearnedDegrees> LearnedDegrees::OfResult(const Plan& plan,
                                                const std::vector<DegreeRow>& rows) {
  LearnedDegrees learned;
  const int last = rows.empty() ? 0 : rows.back().epoch;
  for (const DegreeRow& row : rows) {
    if (row.epoch != last || row.layer >= plan.layers()) continue;
    for (const int head : row.heads) {
      if (head >= plan.heads()) continue;
      const Pattern& pattern = plan.at(row.layer, head);
      if (pattern.As<AdaptiveSpan>() != nullptr && row.span) {
        learned.Set(row.layer, head, *row.span);
      } else if (pattern.As<LearnedWindow>() != nullptr && !row.distribution.empty()) {
        auto distribution = DegreeDistribution::FromParts(row.distribution);
        if (!distribution.ok()) return distribution.status();
        learned.Set(row.layer, head, *std::move(distribution));
      }
    }
  }
  for (int layer = 0; layer < plan.layers(); ++layer) {
    for (int head = 0; head < plan.heads(); ++head) {
      if (!IsLearned(plan.at(layer, head)) || learned.Has(layer, head)) continue;
      return Status(StatusCode::kNotFound, "the result has no learned degrees for layer " +
                                               std::to_string(layer) + " head " +
                                               std::to_string(head));
    }
  }
  return learned;
}

int64_t DegreeNumbers(const Plan& plan) {
  int64_t numbers = 0;
  for (int layer = 0; layer < plan.layers(); ++layer) {
    std::vector<const Pattern*> shared;  // whose heads have one distribution
    for (int head = 0; head < plan.heads(); ++head) {
      const Pattern& pattern = plan.at(layer, head);
      if (pattern.As<AdaptiveSpan>() != nullptr) ++numbers;
      const auto* window = pattern.As<LearnedWindow>();
      if (window == nullptr) continue;
      if (window->per == Per::kLayer) {
        if (std::find(shared.begin(), shared.end(), &pattern) != shared.end()) continue;
        shared.push_back(&pattern);
      }
      numbers += MaxDegree(window->max, plan.context().max_length) + 1;
    }
  }
  return numbers;
}

Status CheckLearned(const Plan& plan, const std::string& kind) {
  if (!plan.learned()) return {};
  if (kind == "infer") {
    return InvalidArgument(
        "a learned pattern needs training, and a sweep of kind \"infer\" trains nothing; write the "
        "degrees that were learned, such as window(4)");
  }
  const int64_t numbers = DegreeNumbers(plan);
  if (numbers <= kMaxDegreeNumbers) return {};
  return InvalidArgument("the learned patterns have " + std::to_string(numbers) +
                         " degrees to learn, more than " + std::to_string(kMaxDegreeNumbers) +
                         "; use per=layer or a smaller max");
}

}  // namespace sparsweep
