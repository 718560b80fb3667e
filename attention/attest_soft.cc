#include "attention/attest_soft.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace sparsweep {
namespace {

constexpr float kTolerance = 1e-4f;
constexpr uint32_t kCall = 1 << 30;  // codes of their own

std::vector<int> ProbedLengths(const std::map<int, int64_t>& lengths) {
  if (lengths.empty()) return {};
  const auto frequent = std::ranges::max_element(
      lengths, [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::set<int> probed = {lengths.begin()->first, frequent->first, lengths.rbegin()->first};
  return {probed.begin(), probed.end()};
}

// Whether an output row is the mean of the codes, weighted by their distance from the query.
bool RowMatches(const std::vector<double>& weights, int query, const float* codes, int64_t stride,
                const float* output, int width) {
  const int length = static_cast<int>(weights.size());
  std::vector<double> sum(width, 0.0);
  double total = 0;
  for (int j = 0; j < length; ++j) {
    const double weight = weights[std::abs(query - j)];
    total += weight;
    for (int c = 0; c < width; ++c) sum[c] += weight * codes[j * stride + c];
  }
  for (int c = 0; c < width; ++c) {
    if (!(std::fabs(output[c] - sum[c] / total) <= kTolerance)) return false;  // nor does a NaN
  }
  return true;
}

}  // namespace

Status AttestSoftWindows(const AttestRequest& request, const LearnedDegrees& learned,
                         const LayerAttention& attention) {
  at::NoGradGuard no_grad;
  const Plan& plan = *request.plan;
  const std::vector<int> lengths = ProbedLengths(request.lengths);
  if (lengths.empty()) return {};
  const int width = request.head_size % 16 == 0 ? 16 : request.head_size;
  const int padded = lengths.back(), hidden = plan.heads() * width;
  const int count = static_cast<int>(lengths.size());
  for (int layer = 0; layer < plan.layers(); ++layer) {
    std::vector<int> heads;
    for (int head = 0; head < plan.heads(); ++head) {
      if (IsLearned(plan.at(layer, head))) heads.push_back(head);
    }
    if (heads.empty()) continue;
    std::vector<float> codes = AttestationCodes(request.attempt, layer, kCall,
                                                static_cast<size_t>(count) * padded * hidden);
    at::Tensor qkv = at::zeros({count, padded, 3 * hidden});
    qkv.narrow(2, 2 * hidden, hidden).copy_(at::from_blob(codes.data(), {count, padded, hidden}));
    AttentionBatch batch(lengths, padded, request.implementation);
    at::Tensor out = attention(layer, qkv.to(request.device), batch).to(at::kCPU).contiguous();
    const float* output = out.const_data_ptr<float>();
    for (int b = 0; b < count; ++b) {
      for (const int head : heads) {
        const std::vector<double> weights =
            SoftWindowWeights(plan.at(layer, head), learned.at(layer, head), lengths[b]);
        const int64_t example = int64_t{b} * padded * hidden + head * width;
        for (int i = 0; i < lengths[b]; ++i) {
          if (RowMatches(weights, i, codes.data() + example, hidden,
                         output + example + int64_t{i} * hidden, width)) {
            continue;
          }
          return {StatusCode::kInternal,
                  "the attention operator did not weigh keys as learned: layer " +
                      std::to_string(layer) + " head " + std::to_string(head) + " at length " +
                      std::to_string(lengths[b]) + " for query " + std::to_string(i)};
        }
      }
    }
  }
  return {};
}

}  // namespace sparsweep
