// Attestation of masks that are each example's own, and of masks that know the phase of the trial:
// what is stored of them, and mutants.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "attention/attest.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

constexpr uint64_t kMaskSeed = 3;

// Two layers of two heads; five examples of train, three of dev.
struct Trial {
  explicit Trial(const std::string& attention)
      : plan(Plan::Resolve(attention, {2, 2, 16}).value()), request{&plan, kMaskSeed,
                                                                    {},    "attempt 1",
                                                                    64,    at::kCPU} {
    request.example_lengths = lengths;
    request.train = 5;
    request.examples = SharedExampleMasks(
        [this](const Pattern& pattern, const MaskContext& context, int64_t example) {
          return OfExample(pattern, context, example);
        });
    for (int length : lengths) ++request.lengths[length];
    masks = Made(request.examples);
  }

  Mask OfExample(const Pattern& pattern, MaskContext context, int64_t example) const {
    context.example_key =
        example < 5 ? ExampleKey("train", example, 0) : ExampleKey("dev", example - 5, 0);
    return BuildMask(pattern, lengths[example], context);
  }
  std::shared_ptr<const MaskPlan> Made(const ExampleMasks& examples) {
    return MaskPlan::Make(plan, {kMaskSeed, PathChoice::kAuto, examples, {}},
                          {lengths.begin(), lengths.end()}, cache)
        .value();
  }
  Result<Attestation> Run(const LayerAttention& attention) {
    return Attest(
        request, attention, [&](int layer, int head) { return masks->layer(layer).path(head); },
        cache);
  }
  Result<Attestation> Run() { return RunOn(masks); }
  Result<Attestation> RunOn(const std::shared_ptr<const MaskPlan>& used) {
    return Run([used](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
      return Attend(qkv, used->layer(layer), batch, {});
    });
  }

  const std::vector<int> lengths = {7, 16, 7, 1, 12, 9, 7, 16};
  MaskCache cache;
  Plan plan;
  AttestRequest request;
  std::shared_ptr<const MaskPlan> masks;
};

TEST(AttestExamples, StoreADigestOfTrainAndOfDev) {
  Trial trial("layer 1 heads 1: random(2, each=example)");
  auto attested = trial.Run();
  ASSERT_TRUE(attested.ok()) << attested.status().message();
  std::string hashes[2];
  int64_t kept[2] = {0, 0}, entries = 0;
  for (int64_t example = 0; example < 8; ++example) {
    const Mask mask = trial.OfExample(trial.plan.at(1, 1), {kMaskSeed, 1, 1, 16, 2}, example);
    const Digest hash = mask.Sha256();
    hashes[example >= 5].append(hash.begin(), hash.end());
    kept[example >= 5] += mask.kept();
    entries += int64_t{mask.length()} * mask.length();
  }
  const MaskRow& row = attested->rows[3];
  EXPECT_EQ(row.kept, kept[0] + kept[1]);
  EXPECT_DOUBLE_EQ(row.density, static_cast<double>(row.kept) / static_cast<double>(entries));
  EXPECT_EQ(row.path, "masked");
  const std::string train = Sha256Hex(hashes[0]), dev = Sha256Hex(hashes[1]);
  EXPECT_EQ(row.hash, Sha256Hex(train + dev));
  std::string lines;
  for (const char* cell : {"0 0 ", "0 1 ", "1 0 "}) {
    for (int length : {1, 7, 9, 12, 16}) {
      Mask all(length);
      for (int i = 0; i < length; ++i) all.KeepRange(i, 0, length);
      lines += cell + std::to_string(length) + " " + std::to_string(length * length) + " " +
               Hex(all.Sha256()) + " dense\n";
    }
  }
  lines += "1 1 train " + std::to_string(kept[0]) + " " + train + " masked\n";
  lines += "1 1 dev " + std::to_string(kept[1]) + " " + dev + " masked\n";
  EXPECT_EQ(attested->root, Sha256Hex(lines));
}

TEST(AttestExamples, PassWhereLayersTakeTurns) {
  Trial trial("random(2, each=example, draw=plan)");
  auto attested = trial.Run();
  ASSERT_TRUE(attested.ok()) << attested.status().message();
  EXPECT_EQ(attested->rows[0].hash, attested->rows[3].hash) << "one draw for all";
}

TEST(AttestExamples, CatchMasksOfAnotherExample) {
  Trial trial("random(2, each=example)");
  const auto swapped =
      trial.Made([&](const Pattern& pattern, const MaskContext& context, int64_t example) {
        const int64_t other = example == 2 ? 0 : example;  // both are of 7 tokens
        return std::make_shared<const KnownMask>(
            KnownMask::Of(trial.OfExample(pattern, context, other)));
      });
  const auto attested = trial.RunOn(swapped);
  ASSERT_FALSE(attested.ok());
  EXPECT_TRUE(attested.status().message().starts_with(
      "the attention operator did not apply the plan: layer 0 head 0 for example 2 at length 7"))
      << attested.status().message();
}

TEST(AttestExamples, CatchMasksOfTheOtherHead) {
  Trial trial("random(2, each=example)");
  const auto crossed =
      trial.Made([&](const Pattern& pattern, MaskContext context, int64_t example) {
        context.head = 1 - context.head;
        return std::make_shared<const KnownMask>(
            KnownMask::Of(trial.OfExample(pattern, context, example)));
      });
  EXPECT_FALSE(trial.RunOn(crossed).ok());
}

TEST(AttestExamples, CatchADenseFallBackInOneExampleOfDev) {
  Trial trial("random(2, each=example)");
  const auto wrong =
      trial.Made([&](const Pattern& pattern, const MaskContext& context, int64_t example) {
        Mask mask = trial.OfExample(pattern, context, example);
        for (int i = 0; example == 7 && i < mask.length(); ++i) {
          mask.KeepRange(i, 0, mask.length());
        }
        return std::make_shared<const KnownMask>(KnownMask::Of(std::move(mask)));
      });
  EXPECT_FALSE(trial.RunOn(wrong).ok());
}

// exact=hf at lengths that are not the paper's draws from the first blocks; 2 + r tokens a block.
constexpr char kHf[] = "bigbird_block(block=2, r=1, exact=hf, max_positions=512)";

struct PhaseTrial {
  PhaseTrial()
      : plan(Plan::Resolve(kHf, {2, 2, 64}).value()),
        masks(MaskPlan::Make(plan, {0, PathChoice::kAuto, {}, {}}, {20, 33, 64}, cache).value()),
        request{&plan, 0, {{20, 3}, {33, 2}, {64, 1}}, "attempt 1", 64, at::kCPU} {
    request.example_lengths = {20, 33, 20, 64, 33, 20};  // three of train
    request.train = 3;
  }
  Result<Attestation> Run(const std::function<Phase(Phase)>& used) {
    return Attest(
        request,
        [&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
          AttentionBatch other(batch.lengths(), std::vector<int64_t>(batch.size(), -1),
                               batch.padded(), batch.implementation(), used(batch.phase()));
          return Attend(qkv, masks->layer(layer), other, {});
        },
        [&](int layer, int head) { return masks->layer(layer).path(head); }, cache);
  }
  MaskCache cache;
  Plan plan;
  std::shared_ptr<const MaskPlan> masks;
  AttestRequest request;
};

TEST(AttestPhases, AskForTheWeightedMasksOfTrainingAndOfEvaluation) {
  PhaseTrial trial;
  auto attested = trial.Run([](Phase phase) { return phase; });
  ASSERT_TRUE(attested.ok()) << attested.status().message();
  // Each split counts by the masks of its phase.
  std::string lines;
  int64_t kept = 0;
  for (int layer : {0, 1}) {
    for (int head : {0, 1}) {
      for (Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
        const bool training = phase == Phase::kTraining;
        const std::map<int, int> texts = training ? std::map<int, int>{{20, 2}, {33, 1}, {64, 0}}
                                                  : std::map<int, int>{{20, 1}, {33, 1}, {64, 1}};
        for (const auto& [length, count] : texts) {
          MaskContext context{0, layer, head, 64, 2};
          context.phase = phase;
          const Mask mask = BuildMask(trial.plan.at(layer, head), length, context);
          if (layer == 0 && head == 0) kept += count * mask.kept();
          lines += std::to_string(layer) + " " + std::to_string(head) + " " +
                   std::to_string(length) + (training ? "" : " evaluation") + " " +
                   std::to_string(mask.kept()) + " " + Hex(mask.Sha256()) + " masked\n";
        }
      }
    }
  }
  EXPECT_EQ(attested->rows[0].kept, kept);
  EXPECT_EQ(attested->root, Sha256Hex(lines));
}

TEST(AttestPhasesMutant, TrainingMasksInEvaluationAreCaught) {
  PhaseTrial trial;
  EXPECT_FALSE(trial.Run([](Phase) { return Phase::kTraining; }).ok());
}

TEST(AttestPhasesMutant, EvaluationMasksInTrainingAreCaught) {
  PhaseTrial trial;
  EXPECT_FALSE(trial.Run([](Phase) { return Phase::kEvaluation; }).ok());
}

// The set is right, how often a key counts is not.
TEST(AttestPhasesMutant, LostMultiplicitiesAreCaught) {
  PhaseTrial trial;
  const auto attested = Attest(
      trial.request,
      [&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
        at::Tensor out = at::zeros({batch.size(), batch.padded(), qkv.size(2) / 3});
        const int64_t width = out.size(2) / 2;
        for (int b = 0; b < batch.size(); ++b) {
          for (int head : {0, 1}) {
            MaskContext context{0, layer, head, 64, 2};
            context.phase = batch.phase();
            const Mask mask = BuildMask(trial.plan.at(layer, head), batch.length(b), context);
            at::Tensor kept = at::zeros({mask.length(), mask.length()});
            for (int i = 0; i < mask.length(); ++i) {
              for (int j = 0; j < mask.length(); ++j) kept[i][j] = mask.at(i, j) ? 1 : 0;
            }
            const at::Tensor values =
                qkv[b].narrow(0, 0, mask.length()).narrow(1, 2 * out.size(2) + head * width, width);
            out[b]
                .narrow(0, 0, mask.length())
                .narrow(1, head * width, width)
                .copy_(at::matmul(kept / kept.sum(1, true), values));
          }
        }
        return out;
      },
      [&](int layer, int head) { return trial.masks->layer(layer).path(head); }, trial.cache);
  EXPECT_FALSE(attested.ok());
}

}  // namespace
}  // namespace sparsweep
