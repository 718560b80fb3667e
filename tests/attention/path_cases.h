// One comparison of an attention path with the double-precision reference, forward and backward:
// what paths_test.cc does for pairs of factors and paths_product_test.cc for all of them.
#pragma once

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/attention/reference.h"

#include "attention/attention.h"

namespace sparsweep {

struct PathCase {
  std::string pattern;
  PathChoice path;
};

// Every path with every kind of mask it can express; four heads, so that some of them shift.
inline std::vector<PathCase> PathCases() {
  std::vector<PathCase> cases = {
      {"dense", PathChoice::kDense},
      {"dense", PathChoice::kBlock},
      {"dense", PathChoice::kWindow},
      {"self", PathChoice::kWindow},
  };
  for (const char* pattern : {"block(2)", "block(3, shift=1)", "block(4, shift=1, over=max)",
                              "heads 2: block(2); heads 3: block(2, shift=1)"}) {
    if (std::string(pattern).find("heads") == std::string::npos) {
      cases.push_back({pattern, PathChoice::kBlock});
    }
    cases.push_back({pattern, PathChoice::kAuto});
  }
  for (const char* pattern : {"window(1)", "window(40)", "window(3, dilation=5)",
                              "window(20, dilation=2)", "window(density=0.2)"}) {
    cases.push_back({pattern, PathChoice::kWindow});
  }
  for (const char* pattern :
       {"dense", "self", "block(3, shift=1)", "window(3)", "window(2, dilation=3)", "global(2)",
        "random(3)", "bigbird(1, 2, 3)", "strided(9)", "fixed(16, 4)",
        "bigbird_block(block=16, r=1)", "bigbird_block(block=16, r=1, exact=hf, max_positions=512)",
        "window(4) & block(2, shift=1)", "layer 0 heads 1: random(2); heads 3: window(2)"}) {
    cases.push_back({pattern, PathChoice::kMasked});
  }
  return cases;
}

inline const std::vector<int>& PathLengths() {
  static const std::vector<int> kLengths = {1, 2, 7, 63, 64, 65, 128, 200, 512};
  return kLengths;
}

struct PathSetting {
  at::ScalarType type;
  bool dropout;
  Implementation implementation;
};

inline double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

using Errors = std::pair<double, double>;  // of the result, of the gradient

// Those of LibTorch's masked call on the same tensors.
inline Errors LibraryErrors(const at::Tensor& qkv, const at::Tensor& d_out,
                            const LayerMasks& masks, const std::vector<int>& lengths,
                            const AttentionReference& reference) {
  const int64_t b = qkv.size(0), n = qkv.size(1), hidden = qkv.size(2) / 3, heads = masks.heads();
  // It answers NaN to a row without a key, so it is given all keys there and left out.
  AttentionBatch batch(lengths, static_cast<int>(n));
  at::Tensor log_mask = batch.LogMask(masks, at::kCPU).expand({b, heads, n, n});
  at::Tensor empty = log_mask.eq(-std::numeric_limits<float>::infinity()).all(-1, true);
  at::Tensor real = at::logical_not(empty)
                        .transpose(1, 2)
                        .expand({b, n, heads, hidden / heads})
                        .reshape({b, n, hidden});
  at::Tensor x = qkv.detach().clone().requires_grad_(true);
  at::Tensor parts = x.view({b, n, 3, heads, hidden / heads}).permute({2, 0, 3, 1, 4});
  at::Tensor out =
      at::scaled_dot_product_attention(parts[0], parts[1], parts[2],
                                       log_mask.masked_fill(empty, 0).to(qkv.scalar_type()))
          .transpose(1, 2)
          .reshape({b, n, hidden}) *
      real;
  at::Tensor grad = torch::autograd::grad({out}, {x}, {d_out})[0];
  return {LargestDifference(out, reference.out), LargestDifference(grad, reference.d_qkv)};
}

// Those of LibTorch's softmax and products under dropout: its masked call draws other bits.
inline Errors FormulaErrors(const at::Tensor& qkv, const at::Tensor& d_out,
                            const LayerMasks& masks, const std::vector<int>& lengths,
                            const DropoutStream& dropout, const AttentionReference& reference) {
  AttentionBatch batch(lengths, static_cast<int>(qkv.size(1)), Implementation::kPortable);
  at::Tensor x = qkv.detach().clone().requires_grad_(true);
  at::Tensor out = Attend(x, masks, batch, dropout);
  at::Tensor grad = torch::autograd::grad({out}, {x}, {d_out})[0];
  return {LargestDifference(out, reference.out), LargestDifference(grad, reference.d_qkv)};
}

// Two examples, the second shorter; both padded.
inline void ComparePath(const PathCase& c, int longest, const PathSetting& setting) {
  SCOPED_TRACE(c.pattern + " by path " + std::to_string(static_cast<int>(c.path)) + " at " +
               std::to_string(longest) + (setting.dropout ? " with dropout " : " ") +
               at::toString(setting.type) +
               (setting.implementation == Implementation::kPortable ? " portable" : ""));
  constexpr int kHeads = 4, kSize = 16, kSeed = 5;
  const std::vector<int> lengths = {longest, (longest + 1) / 2};
  const int padded = longest + 1;
  auto plan = Plan::Resolve(c.pattern, {1, kHeads, 512});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  MaskCache cache;
  auto made = MaskPlan::Make(*plan, {kSeed, c.path, {}, {}}, {lengths.begin(), lengths.end()}, cache);
  ASSERT_TRUE(made.ok()) << made.status().message();
  const LayerMasks& masks = (*made)->layer(0);

  at::manual_seed(longest);
  at::Tensor qkv = at::randn({2, padded, 3 * kHeads * kSize}).to(setting.type);
  at::Tensor d_out = at::randn({2, padded, kHeads * kSize}).to(setting.type);
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 2,
                        DropoutStream::Threshold(setting.dropout ? 0.3 : 0)};

  // What the reference is told comes from BuildMask and from single draws of the stream.
  std::map<std::pair<int, int>, Mask> kept;
  std::map<std::pair<int, int>, BlockWeights> weights;
  std::map<std::pair<int, int>, std::vector<uint8_t>> survives;
  for (int b : {0, 1}) {
    for (int h = 0; h < kHeads; ++h) {
      const Pattern& pattern = plan->at(0, h);
      MaskContext context{kSeed, 0, h, 512, kHeads};
      kept.emplace(std::pair(b, h), BuildMask(pattern, lengths[b], context));
      if (IsWeighted(pattern)) {
        weights[{b, h}] = BlockMultiplicity(*pattern.As<BigBirdBlock>(), lengths[b], context);
      }
      auto& bytes = survives[{b, h}];
      bytes.resize(static_cast<size_t>(lengths[b]) * lengths[b]);
      FillKeepMatrix(dropout, b * kHeads + h, lengths[b], lengths[b], bytes.data());
    }
  }
  EntryValue weight = [&](int b, int h, int i, int j) {
    if (!kept.at({b, h}).at(i, j)) return 0.0;
    auto found = weights.find({b, h});
    return found == weights.end() ? 1.0
                                  : double(found->second.at(i / found->second.block,
                                                            j / found->second.block));
  };
  EntryValue drop = [&](int b, int h, int i, int j) {
    return survives.at({b, h})[static_cast<size_t>(i) * lengths[b] + j] ? dropout.scale() : 0.0;
  };
  AttentionReference reference = ReferenceAttention(qkv, kHeads, lengths, d_out, weight, drop);

  AttentionBatch batch(lengths, padded, setting.implementation);
  at::Tensor x = qkv.clone().requires_grad_(true);
  at::Tensor out = Attend(x, masks, batch, dropout);
  at::Tensor d_qkv = torch::autograd::grad({out}, {x}, {d_out})[0];
  double out_limit = 4e-6, grad_limit = 2e-5;
  if (setting.type == at::kBFloat16) {
    auto [out_error, grad_error] =
        setting.dropout ? FormulaErrors(qkv, d_out, masks, lengths, dropout, reference)
                        : LibraryErrors(qkv, d_out, masks, lengths, reference);
    out_limit = 2 * out_error + 1e-6;
    grad_limit = 2 * grad_error + 1e-6;
  }
  EXPECT_LE(LargestDifference(out, reference.out), out_limit);
  EXPECT_LE(LargestDifference(d_qkv, reference.d_qkv), grad_limit);
  EXPECT_TRUE(out.isfinite().all().item<bool>());
  for (int b : {0, 1}) {
    EXPECT_EQ(out[b].narrow(0, lengths[b], padded - lengths[b]).abs().max().item<float>(), 0);
    EXPECT_EQ(d_qkv[b].narrow(0, lengths[b], padded - lengths[b]).abs().max().item<float>(), 0);
  }
}

}  // namespace sparsweep
