// Whole trials with learned patterns: what is attested, stored and repeated.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/expected_masks.h"
#include "tests/trainer/models.h"
#include "trainer/trial_run.h"

namespace sparsweep {
namespace {

struct Watcher : TrialObserver {
  void OnPhase(const std::string&, int64_t, int64_t) override {}
  void OnStep(const StepReport& report) override { losses.push_back(report.loss); }
  void OnEvaluation(int64_t, double, const Metrics& metrics) override {
    evaluations.push_back(metrics);
  }
  bool Cancelled() override { return false; }
  std::vector<double> losses;
  std::vector<Metrics> evaluations;
};

class LearnedTrials : public testing::Test {
 protected:
  void SetUp() override {
    SPARSWEEP_NEEDS(TestModel("bert-tiny"));
    SPARSWEEP_NEEDS(Catalog::DefaultFolder() / "tasks" / "sentences3k.json");
  }
  // Two epochs of four steps of BERT-tiny.
  static TrialSpec Spec(const std::string& attention) {
    TrialSpec spec;
    spec.model = "bert-tiny";
    std::stringstream text;
    text << std::ifstream(Catalog::DefaultFolder() / "tasks" / "sentences3k.json").rdbuf();
    spec.task = ParseTaskSpec(text.str()).value();
    spec.attention = attention;
    spec.layers = 2;
    spec.heads = 2;
    spec.training.epochs = 2;
    spec.training.train_examples = 128;
    spec.training.learning_rate = 1e-3;
    spec.training.max_length = 64;
    spec.training.lambda = 0.5;
    spec.seed = 1;
    spec.device = "cpu";
    return spec;
  }
  static std::variant<TrialResult, Failure> Run(TrialSpec spec, Watcher& watcher) {
    static TrialRunner runner({Catalog::DefaultFolder(), 1, PathChoice::kAuto});
    EXPECT_TRUE(runner.FillFingerprints(&spec).ok());
    return runner.Run(spec, "attempt", watcher);
  }
  TrialResult Succeed(const TrialSpec& spec) {
    watcher_ = Watcher();
    auto outcome = Run(spec, watcher_);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      ADD_FAILURE() << failure->message;
      return {};
    }
    return std::get<TrialResult>(outcome);
  }
  Watcher watcher_;
};

constexpr char kMixed[] =
    "layer 0 heads 0: learned_window(20); layer 0 heads 1: window(1); layer 1: "
    "adaptive_span(ramp=8)";

TEST_F(LearnedTrials, AttestTheHardenedMasksBesideTheOrdinaryOnes) {
  TrialSpec spec = Spec(kMixed);
  spec.mask_seed = 5;
  const TrialResult result = Succeed(spec);
  ASSERT_EQ(result.masks.size(), 4u);
  EXPECT_EQ(result.masks[0].path, "learned+masked");
  EXPECT_EQ(result.masks[1].path.find("learned"), std::string::npos);
  EXPECT_TRUE(result.masks[2].path.starts_with("learned+"));

  // What is stored is enough to recompute all that was attested.
  const TrialResult read = ParseTrialResult(TrialResultToJson(result)).value();
  const Plan plan = Plan::Resolve(kMixed, {2, 2, 64}).value();
  const auto learned = LearnedDegrees::OfResult(plan, read.degrees);
  ASSERT_TRUE(learned.ok()) << learned.status().message();
  std::vector<std::string> paths;
  for (const MaskRow& row : result.masks) paths.push_back(row.path);
  const auto expected = ExpectedMasks().Of(plan, 5, {result.lengths, {}}, paths, &*learned);
  EXPECT_EQ(expected.root, result.attestation_root);
  EXPECT_EQ(expected.rows, result.masks);
  EXPECT_DOUBLE_EQ(expected.density, result.density);
}

TEST_F(LearnedTrials, StoreWhatWasLearnedAfterEachEpoch) {
  const TrialResult result = Succeed(Spec(kMixed));
  ASSERT_EQ(result.degrees.size(), 6u) << "three parameters, two epochs";
  const DegreeRow &window = result.degrees[3], &span = result.degrees[5];
  EXPECT_EQ(window.epoch, 2);
  EXPECT_EQ(window.heads, std::vector<int>{0});
  EXPECT_EQ(window.distribution.size(), 21u);
  EXPECT_LT(window.distribution.back(), 900'000u) << "it started there";
  EXPECT_FALSE(window.span);
  EXPECT_EQ(span.heads, std::vector<int>{1});
  EXPECT_TRUE(span.distribution.empty());
  EXPECT_LT(*span.span, 0.9 * 63);
  EXPECT_EQ(window.hardened_density, result.masks[0].density);
  EXPECT_EQ(span.hardened_density, result.masks[3].density);
  EXPECT_EQ(window.hardened_value, result.value);
  EXPECT_EQ(window.soft_value, result.metrics.at("soft_accuracy"));
  EXPECT_EQ(result.value, result.metrics.at("accuracy"));
  ASSERT_EQ(watcher_.evaluations.size(), 2u);
  EXPECT_EQ(watcher_.evaluations[0].at("soft_accuracy"), result.degrees[0].soft_value);
  EXPECT_EQ(watcher_.evaluations[0].at("accuracy"), result.degrees[0].hardened_value);
  EXPECT_GT(result.degrees[0].expected_density, window.expected_density) << "density has a price";
}

TEST_F(LearnedTrials, AreRepeatedToTheLastDigit) {
  TrialSpec spec = Spec("learned_window(per=head)");
  const TrialResult first = Succeed(spec);
  const std::vector<double> losses = watcher_.losses;
  const TrialResult again = Succeed(spec);
  EXPECT_EQ(watcher_.losses, losses);
  EXPECT_EQ(again.degrees, first.degrees);
  EXPECT_EQ(again.attestation_root, first.attestation_root);
  spec.mask_seed = 9;  // only what is drawn changes
  const TrialResult other = Succeed(spec);
  EXPECT_EQ(watcher_.losses, losses);
  EXPECT_NE(other.attestation_root, first.attestation_root);
  EXPECT_EQ(other.degrees[0].distribution, first.degrees[0].distribution);
}

TEST_F(LearnedTrials, PortableAndKernelLearnTheSame) {
  TrialSpec spec = Spec("learned_window(harden=mean)");
  spec.training.dropout = 0;
  const TrialResult kernel = Succeed(spec);
  TrainerOptions options{Catalog::DefaultFolder(), 1, PathChoice::kAuto};
  options.implementation = Implementation::kPortable;
  TrialRunner portable(options);
  ASSERT_TRUE(portable.FillFingerprints(&spec).ok());
  Watcher watcher;
  const auto outcome = portable.Run(spec, "attempt", watcher);
  ASSERT_TRUE(std::holds_alternative<TrialResult>(outcome)) << std::get<Failure>(outcome).message;
  const auto& other = std::get<TrialResult>(outcome);
  for (size_t i = 0; i < kernel.degrees.size(); ++i) {
    EXPECT_NEAR(kernel.degrees[i].expected_density, other.degrees[i].expected_density, 1e-3);
  }
  for (size_t i = 0; i < watcher.losses.size(); ++i) {
    EXPECT_NEAR(watcher.losses[i], watcher_.losses[i], 1e-3);
  }
}

TEST_F(LearnedTrials, EndInShortestWindowsWhereDensityCostsEverything) {
  TrialSpec spec = Spec("learned_window(harden=mean)");
  spec.training.lambda = 1e9;
  spec.training.degree_lr = 10;
  spec.training.warmup = 0;
  const TrialResult result = Succeed(spec);
  EXPECT_GT(result.degrees.back().distribution[0], 990'000u);
  int64_t tokens = 0, entries = 0;
  for (const auto& [length, examples] : result.lengths) {
    tokens += examples * length;
    entries += examples * length * length;
  }
  EXPECT_DOUBLE_EQ(result.density, double(tokens) / double(entries)) << "each token alone";
}

}  // namespace
}  // namespace sparsweep
