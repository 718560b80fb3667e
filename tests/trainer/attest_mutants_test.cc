// Attention that is wired wrongly ends a trial as `attestation` and never in a result. The mutants
// are test doubles of MaskPlan::Make, put in by the linker (--wrap, see CMakeLists.txt): everything
// else is the trainer as it ships.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/trainer/models.h"
#include "trainer/trial_run.h"

namespace sparsweep {

using Made = Result<std::shared_ptr<const MaskPlan>>;
Made RealMake(const Plan&, const MaskPlanOptions&, const std::set<int>&, MaskCache&) asm(
    "__real_" SPARSWEEP_MAKE);
Made MutantMake(const Plan&, const MaskPlanOptions&, const std::set<int>&, MaskCache&) asm(
    "__wrap_" SPARSWEEP_MAKE);

namespace {

// What the trainer computes with in place of the trial's own plan and examples; empty: those.
std::string other_attention;
bool reuse_masks = false;

class Quiet : public TrialObserver {
 public:
  void OnPhase(const std::string&, int64_t, int64_t) override {}
  void OnStep(const StepReport&) override { ++steps; }
  void OnEvaluation(int64_t, double, const Metrics&) override {}
  bool Cancelled() override { return false; }
  int steps = 0;
};

class Mutants : public testing::Test {
 protected:
  void SetUp() override {
    SPARSWEEP_NEEDS(TestModel("bert-tiny"));
    SPARSWEEP_NEEDS(Catalog::DefaultFolder() / "tasks" / "sentences3k.json");
  }
  void TearDown() override {
    other_attention.clear();
    reuse_masks = false;
  }

  // "success", or "reason: message"; no step is taken unless it succeeds.
  std::string Run(const std::string& attention) {
    TrialSpec spec;
    spec.model = "bert-tiny";
    std::stringstream text;
    text << std::ifstream(Catalog::DefaultFolder() / "tasks" / "sentences3k.json").rdbuf();
    spec.task = ParseTaskSpec(text.str()).value();
    spec.attention = attention;
    spec.layers = 2;
    spec.heads = 2;
    spec.training.max_steps = 2;
    spec.training.max_length = 64;
    spec.training.train_examples = 100;
    spec.seed = 1;
    spec.mask_seed = 4;
    spec.device = "cpu";
    static TrialRunner runner({Catalog::DefaultFolder(), 1, PathChoice::kAuto});
    EXPECT_TRUE(runner.FillFingerprints(&spec).ok());
    Quiet observer;
    auto outcome = runner.Run(spec, "attempt", observer);
    if (std::holds_alternative<TrialResult>(outcome)) return "success";
    const Failure& failure = std::get<Failure>(outcome);
    EXPECT_EQ(observer.steps, 0);
    return FailureReasonName(failure.reason) + (": " + failure.message);
  }
  void ExpectCaught(const std::string& attention, const std::string& place) {
    const std::string ended = Run(attention);
    EXPECT_TRUE(ended.starts_with(
        "attestation: the attention operator did not apply the plan: " + place))
        << ended;
  }
};

constexpr char kPlan[] = "layer 0: window(2); layer 1: random(3)";

TEST_F(Mutants, HonestTrialsSucceed) {
  EXPECT_EQ(Run(kPlan), "success");
  EXPECT_EQ(Run("random(2, each=example)"), "success");
}

TEST_F(Mutants, AFallBackToDenseIsCaught) {
  other_attention = "dense";
  ExpectCaught(kPlan, "layer 0 head 0 at length ");
}

TEST_F(Mutants, AHeadWithoutItsMaskIsCaught) {
  other_attention = "layer 0: window(2); layer 1 heads 0: random(3)";
  ExpectCaught(kPlan, "layer 1 head 1 at length ");
}

TEST_F(Mutants, LayersThatAreSwappedAreCaught) {
  other_attention = "layer 1: window(2); layer 0: random(3)";
  ExpectCaught(kPlan, "layer 0 head 0 at length ");
}

TEST_F(Mutants, MasksOfAnEarlierBatchAreCaught) {
  reuse_masks = true;
  ExpectCaught("random(2, each=example)", "layer ");
}

}  // namespace

Made MutantMake(const Plan& plan, const MaskPlanOptions& options, const std::set<int>& lengths,
                MaskCache& cache) {
  MaskPlanOptions used = options;
  if (reuse_masks) {  // of the first example of that length
    auto first = std::make_shared<std::map<int, int64_t>>();
    used.examples = [first, own = options.examples](const Pattern& pattern,
                                                    const MaskContext& context, int64_t example) {
      const int length = own(pattern, context, example)->mask.length();
      return own(pattern, context, first->emplace(length, example).first->second);
    };
  }
  if (other_attention.empty()) return RealMake(plan, used, lengths, cache);
  return RealMake(Plan::Resolve(other_attention, plan.context()).value(), used, lengths, cache);
}

}  // namespace sparsweep
