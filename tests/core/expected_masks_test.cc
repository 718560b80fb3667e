// Attestations recomputed where masks know the phase, or are each example's own.
#include "core/expected_masks.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

Plan Resolve(const std::string& text) { return Plan::Resolve(text, {1, 2, 40}).value(); }

constexpr char kHf[] = "head 0: bigbird_block(2, 1, exact=hf)";
const std::vector<std::string> kPaths(2, "masked");

TEST(ExpectedMasks, OfAPlanThatKnowsThePhaseAreThoseOfBoth) {
  const Plan plan = Resolve(kHf);
  ASSERT_TRUE(NeedsSplit(plan));
  const std::map<int, int64_t> lengths{{24, 3}, {31, 1}};
  const auto trained = ExpectedMasks().Of(plan, 0, {lengths, {}}, kPaths);
  const auto evaluated = ExpectedMasks().Of(plan, 0, {lengths, lengths}, kPaths);
  const auto mixed = ExpectedMasks().Of(plan, 0, {lengths, {{24, 1}}}, kPaths);
  // Which examples are evaluated is in the counts, not in hashes and root.
  EXPECT_EQ(trained.root, evaluated.root);
  EXPECT_EQ(trained.rows[0].hash, mixed.rows[0].hash);
  MaskContext context{0, 0, 0, 40, 2};
  const auto kept = [&](int length, Phase phase) {
    context.phase = phase;
    return BuildMask(plan.at(0, 0), length, context).kept();
  };
  EXPECT_LT(kept(24, Phase::kEvaluation), kept(24, Phase::kTraining));
  EXPECT_EQ(trained.rows[0].kept,
            3 * kept(24, Phase::kTraining) + kept(31, Phase::kTraining));
  EXPECT_EQ(mixed.rows[0].kept, 2 * kept(24, Phase::kTraining) + kept(24, Phase::kEvaluation) +
                                    kept(31, Phase::kTraining));
  EXPECT_EQ(evaluated.rows[0].kept,
            3 * kept(24, Phase::kEvaluation) + kept(31, Phase::kEvaluation));
  EXPECT_EQ(trained.rows[1].kept, 3 * 24 * 24 + 31 * 31);  // the dense head knows no phase
}

TEST(ExpectedMasks, OfExamplesAreTheirOwnInOrder) {
  const Plan plan = Resolve("head 0: random(1, each=example)");
  ASSERT_TRUE(NeedsExamples(plan));
  ExpectedExamples examples;
  examples.lengths = {{4, 1}, {5, 2}};
  examples.dev_lengths = {{5, 1}};
  examples.train = 2;
  examples.dev = 1;
  const int lengths[] = {4, 5, 5};
  const auto window = [&](int wide) {  // stands for what the trainer builds
    return [&lengths, wide](const Pattern&, const MaskContext&, int64_t example) {
      return BuildMask(Resolve("window(" + std::to_string(example == 2 ? wide : 1) + ")").at(0, 0),
                       lengths[example], {});
    };
  };
  examples.own = window(1);
  const auto narrow = ExpectedMasks().Of(plan, 0, examples, kPaths);
  EXPECT_EQ(narrow.rows[0].kept, 10 + 13 + 13);
  EXPECT_EQ(narrow.rows[1].kept, 16 + 25 + 25);
  EXPECT_DOUBLE_EQ(narrow.rows[0].density, 36.0 / 66);
  const auto digest = [&](std::vector<int> of) {
    Sha256Hasher hasher;
    for (const int length : of) {
      const Digest mask = BuildMask(Resolve("window(1)").at(0, 0), length, {}).Sha256();
      hasher.Update(mask.data(), mask.size());
    }
    return Hex(hasher.Finish());
  };
  EXPECT_EQ(narrow.rows[0].hash, Sha256Hex(digest({4, 5}) + digest({5})));
  examples.own = window(2);
  const auto wide = ExpectedMasks().Of(plan, 0, examples, kPaths);
  EXPECT_NE(wide.rows[0].hash, narrow.rows[0].hash);
  EXPECT_NE(wide.root, narrow.root);
  EXPECT_EQ(wide.rows[1], narrow.rows[1]);
}

}  // namespace
}  // namespace sparsweep
