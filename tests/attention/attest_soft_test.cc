// Attestation of soft windows: what an honest operator passes and mutants do not; and masks of
// plans that learn.
#include "attention/attest_soft.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "attention/soft_window.h"

namespace sparsweep {
namespace {

// Layer 0: head 0 learned with degrees 0 and 3, head 1 a window. Layer 1: spans of 2.5 and 1.
struct Trial {
  Trial()
      : plan(Plan::Resolve("layer 0 heads 0: learned_window(3); layer 0 heads 1: window(1); "
                           "layer 1: adaptive_span(ramp=4)",
                           {2, 2, 16})
                 .value()),
        masks(MaskPlan::Make(plan, {}, {1, 4, 16}, cache).value()),
        request{&plan, 0, {{1, 2}, {4, 10}, {16, 1}}, "attempt 1", 64, at::kCPU} {
    learned.Set(0, 0, DegreeDistribution::FromParts({500'000, 0, 0, 500'000}).value());
    learned.Set(1, 0, 2.5);
    learned.Set(1, 1, 1.0);
  }

  at::Tensor Window(int layer, int head) const {
    return at::tensor(SoftWindowWeights(plan.at(layer, head), learned.at(layer, head), 16),
                      at::kFloat)
        .unsqueeze(0);
  }
  // As a model's layers do it.
  at::Tensor Honest(int layer, const at::Tensor& qkv, AttentionBatch& batch) const {
    if (layer == 1) {
      return SoftWindowAttention(qkv, 2, {0, 1}, at::cat({Window(1, 0), Window(1, 1)}),
                                 batch.lengths(), {}, batch.implementation());
    }
    return SoftWindowAttention(qkv, 2, {0}, Window(0, 0), batch.lengths(), {},
                               batch.implementation()) +
           Attend(qkv, masks->layer(layer), batch, {});
  }
  Status Run(const LayerAttention& attention) {
    return AttestSoftWindows(request, learned, attention);
  }

  MaskCache cache;
  Plan plan;
  std::shared_ptr<const MaskPlan> masks;
  AttestRequest request;
  LearnedDegrees learned;
};

TEST(AttestSoft, PassesTheOperatorThatWeighsAsLearned) {
  Trial trial;
  for (Implementation how : {Implementation::kAuto, Implementation::kPortable}) {
    trial.request.implementation = how;
    Status status = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
      return trial.Honest(layer, qkv, batch);
    });
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

TEST(AttestSoft, CatchesADenseFallback) {
  Trial trial;
  auto dense =
      MaskPlan::Make(Plan::Resolve("dense", {2, 2, 16}).value(), {}, {1, 4, 16}, trial.cache)
          .value();
  Status status = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return layer == 1 ? Attend(qkv, dense->layer(1), batch, {}) : trial.Honest(layer, qkv, batch);
  });
  EXPECT_EQ(status.message(),
            "the attention operator did not weigh keys as learned: layer 1 head 0 at length 4 for "
            "query 0");
}

TEST(AttestSoft, CatchesWindowsOfAnotherHead) {
  Trial trial;
  Status status = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    if (layer == 0) return trial.Honest(layer, qkv, batch);
    return SoftWindowAttention(qkv, 2, {0, 1}, at::cat({trial.Window(1, 0), trial.Window(1, 0)}),
                               batch.lengths(), {}, batch.implementation());
  });
  EXPECT_NE(status.message().find("layer 1 head 1 at length 4"), std::string::npos)
      << status.message();
}

TEST(AttestSoft, CatchesWindowsThatWereLearnedOnSince) {
  Trial trial;
  Trial before;
  before.learned.Set(0, 0, DegreeDistribution::FromParts({501'000, 0, 0, 499'000}).value());
  EXPECT_FALSE(trial
                   .Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
                     return before.Honest(layer, qkv, batch);
                   })
                   .ok());
}

TEST(MaskPlan, OfLearnedHeadsIsSoftUntilTheyAreHardened) {
  Trial trial;
  EXPECT_TRUE(trial.masks->layer(0).learned());
  EXPECT_EQ(trial.masks->layer(0).path(0), AttentionPath::kLearned);
  EXPECT_EQ(trial.masks->layer(0).path(1), AttentionPath::kWindow);
  AttentionBatch batch({16}, 16);
  at::Tensor out = Attend(at::ones({1, 16, 3 * 2 * 16}), trial.masks->layer(0), batch, {});
  EXPECT_EQ(out.narrow(2, 0, 16).abs().max().item<float>(), 0) << "the head is left to others";
  EXPECT_EQ(out.narrow(2, 16, 16).min().item<float>(), 1);
  MaskPlanOptions options;
  options.learned = [&](const Pattern& pattern, int length, const MaskContext& context) {
    return trial.learned.Harden(pattern, length, context);
  };
  auto hardened = MaskPlan::Make(trial.plan, options, {1, 4, 16}, trial.cache).value();
  EXPECT_FALSE(hardened->layer(0).learned());
  trial.request.learned = options.learned;
  auto attested = Attest(
      trial.request,
      [&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
        return Attend(qkv, hardened->layer(layer), batch, {});
      },
      [&](int layer, int head) { return hardened->layer(layer).path(head); }, trial.cache);
  ASSERT_TRUE(attested.ok()) << attested.status().message();
  EXPECT_EQ(attested->rows[0].path, "learned+masked");
  EXPECT_EQ(attested->rows[1].path, "window");
  EXPECT_EQ(attested->rows[3].kept,  // window(3) over the three lengths
            2 * 1 + 10 * 16 + BuildMask({Window{3}}, 16, {}).kept());
}

}  // namespace
}  // namespace sparsweep
