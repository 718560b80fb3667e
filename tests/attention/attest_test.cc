// Attestation: what it says of an operator that keeps its word, and that mutants are caught.
#include "attention/attest.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/sha256.h"

namespace sparsweep {
namespace {

constexpr uint64_t kMaskSeed = 3;

std::shared_ptr<const MaskPlan> MakePlan(const Plan& plan, uint64_t seed, MaskCache& cache) {
  return MaskPlan::Make(plan, {seed, PathChoice::kAuto, {}, {}}, {1, 4, 16}, cache).value();
}

struct Trial {
  explicit Trial(const std::string& attention, int head_size = 64)
      : plan(Plan::Resolve(attention, {2, 2, 16}).value()),
        masks(MakePlan(plan, kMaskSeed, cache)),
        request{&plan, kMaskSeed, {{1, 2}, {4, 10}, {16, 1}}, "attempt 1", head_size, at::kCPU} {}

  Result<Attestation> Run(const LayerAttention& attention) {
    return Attest(
        request, attention, [&](int layer, int head) { return masks->layer(layer).path(head); },
        cache);
  }
  LayerAttention Honest() {
    return [this](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
      return Attend(qkv, masks->layer(layer), batch, {});
    };
  }

  MaskCache cache;
  Plan plan;
  std::shared_ptr<const MaskPlan> masks;
  AttestRequest request;
};

TEST(Attest, CountsWhatThePlanKeepsOverAllExamples) {
  Trial trial("layer 1 heads 1: window(1)");
  auto attested = trial.Run(trial.Honest());
  ASSERT_TRUE(attested.ok()) << attested.status().message();
  ASSERT_EQ(attested->rows.size(), 4u);
  const int64_t all = 2 * 1 + 10 * 16 + 256;               // entries over the examples
  const int64_t banded = 2 * 1 + 10 * 10 + (16 + 2 * 15);  // 3n - 2 of them
  EXPECT_EQ(attested->rows[0].kept, all);
  EXPECT_EQ(attested->rows[3].kept, banded);
  EXPECT_EQ(attested->rows[3].layer, 1);
  EXPECT_EQ(attested->rows[3].head, 1);
  EXPECT_DOUBLE_EQ(attested->rows[3].density, double(banded) / all);
  EXPECT_DOUBLE_EQ(attested->density, double(3 * all + banded) / (4 * all));
  EXPECT_EQ(attested->rows[0].path, "dense");
  EXPECT_EQ(attested->rows[3].path, "window");
  EXPECT_EQ(attested->rows[3].tile_sparsity, 0);
}

TEST(Attest, RootIsTheHashOfSortedLines) {
  Trial trial("window(1)");
  auto attested = trial.Run(trial.Honest());
  std::string lines;
  for (int layer : {0, 1}) {
    for (int head : {0, 1}) {
      for (int length : {1, 4, 16}) {
        Mask mask = BuildMask(trial.plan.at(layer, head), length, {kMaskSeed, layer, head, 16});
        lines += std::to_string(layer) + " " + std::to_string(head) + " " + std::to_string(length) +
                 " " + std::to_string(mask.kept()) + " " + Hex(mask.Sha256()) + " window\n";
      }
    }
  }
  EXPECT_EQ(attested->root, Sha256Hex(lines));
}

TEST(Attest, CountsEmptyRows) {
  Trial trial("block(2, shift=1)");
  auto attested = trial.Run(trial.Honest());
  ASSERT_TRUE(attested.ok()) << attested.status().message();
  EXPECT_EQ(attested->rows[0].empty_rows, 2) << "the one query of each text of one token";
}

// Head 1 of layer 1 is computed with everything kept.
LayerAttention DropsTheMaskOfOneHead(Trial& trial, const std::shared_ptr<const MaskPlan>& dense) {
  return [&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    at::Tensor out = Attend(qkv, trial.masks->layer(layer), batch, {});
    if (layer == 1) {
      at::Tensor unmasked = Attend(qkv, dense->layer(layer), batch, {});
      int64_t width = out.size(2) / 2;
      out.narrow(2, width, width).copy_(unmasked.narrow(2, width, width));
    }
    return out;
  };
}

TEST(AttestMutant, AHeadThatLostItsMaskIsCaught) {
  Trial trial("window(1)");
  auto dense = MakePlan(Plan::Resolve("dense", {2, 2, 16}).value(), 0, trial.cache);
  auto attested = trial.Run(DropsTheMaskOfOneHead(trial, dense));
  ASSERT_FALSE(attested.ok());
  EXPECT_EQ(attested.status().message(),
            "the attention operator did not apply the plan: layer 1 head 1 at length 4 used other "
            "keys than window(1) for query 0");
}

TEST(AttestMutant, SilentFallbackToDenseIsCaught) {
  Trial trial("random(2)");
  auto dense = MakePlan(Plan::Resolve("dense", {2, 2, 16}).value(), 0, trial.cache);
  auto attested = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return Attend(qkv, dense->layer(layer), batch, {});
  });
  EXPECT_FALSE(attested.ok());
}

TEST(AttestMutant, LayersThatSwappedTheirMasksAreCaught) {
  Trial trial("layer 0: window(1)");
  auto attested = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return Attend(qkv, trial.masks->layer(1 - layer), batch, {});
  });
  EXPECT_FALSE(attested.ok());
}

TEST(AttestMutant, AnotherMaskSeedIsCaught) {
  Trial trial("random(2, draw=plan)");
  auto other = MakePlan(trial.plan, kMaskSeed + 1, trial.cache);
  auto attested = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return Attend(qkv, other->layer(layer), batch, {});
  });
  EXPECT_FALSE(attested.ok());
}

TEST(AttestMutant, NotANumberIsCaught) {
  Trial trial("window(1)");
  auto attested = trial.Run([&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return Attend(qkv, trial.masks->layer(layer), batch, {}) * std::nan("");
  });
  EXPECT_FALSE(attested.ok());
}

TEST(Attest, PortableImplementationPassesToo) {
  Trial trial("heads 0: window(2); layer 1 heads 1: random(1)", 10);
  trial.request.implementation = Implementation::kPortable;
  EXPECT_TRUE(trial.Run(trial.Honest()).ok());
}

}  // namespace
}  // namespace sparsweep
