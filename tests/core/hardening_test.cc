// From learned degrees to masks, and the rules for plans that learn.
#include "core/hardening.h"

#include <gtest/gtest.h>

#include <set>

#include "core/expected_masks.h"
#include "core/grid.h"
#include "tests/core/fake_resolver.h"

namespace sparsweep {
namespace {

Plan Resolve(const std::string& text, PlanContext context = {2, 2, 16}) {
  return Plan::Resolve(text, context).value();
}

DegreeDistribution Halves() {  // degrees 0 and 3
  return DegreeDistribution::FromParts({500'000, 0, 0, 500'000}).value();
}

TEST(Hardening, FollowsThePatternsChoice) {
  const MaskContext context{7, 1, 0, 16};
  const auto degrees = [&](const char* text) {
    return HardenedDegrees(Resolve(text).at(0, 0), Halves(), 6, context);
  };
  EXPECT_EQ(degrees("learned_window(3, harden=mean)"), std::vector<int>(6, 2));
  EXPECT_EQ(degrees("learned_window(3, harden=threshold)"), std::vector<int>(6, 3));
  EXPECT_EQ(degrees("learned_window(3)"), Halves().SampleDegrees(6, context));
  EXPECT_EQ(HardenedDegrees(Resolve("adaptive_span(9, ramp=4)").at(0, 0), 1.5, 3, context),
            std::vector<int>(3, 3));
}

TEST(Hardening, SoftWeightsAreTheComplementaryCdfOrTheRamp) {
  EXPECT_EQ(SoftWindowWeights(Resolve("learned_window(3)").at(0, 0), Halves(), 6),
            (std::vector<double>{1, 0.5, 0.5, 0.5, 0, 0}));
  EXPECT_EQ(SoftWindowWeights(Resolve("learned_window(3)").at(0, 0), Halves(), 2),
            (std::vector<double>{1, 0.5}));
  EXPECT_EQ(SoftWindowWeights(Resolve("adaptive_span(9, ramp=2)").at(0, 0), 1.0, 4),
            (std::vector<double>{1, 1, 0.5, 0}));
}

std::vector<DegreeRow> Rows() {
  DegreeRow old{1, 0, {0, 1}, {1'000'000, 0, 0, 0}, {}, 0, 0, 0, 0};
  DegreeRow window{2, 0, {0, 1}, Halves().parts(), {}, 0, 0, 0, 0};
  DegreeRow span{2, 1, {1}, {}, 2.5, 0, 0, 0, 0};
  return {old, window, span};
}

TEST(LearnedDegrees, AreThoseOfTheLastEpochOfAResult) {
  const Plan plan = Resolve("layer 0: learned_window(3); layer 1 heads 1: adaptive_span(ramp=4)");
  const auto learned = LearnedDegrees::OfResult(plan, Rows());
  ASSERT_TRUE(learned.ok()) << learned.status().message();
  EXPECT_EQ(std::get<DegreeDistribution>(learned->at(0, 1)), Halves());
  EXPECT_EQ(std::get<double>(learned->at(1, 1)), 2.5);
  EXPECT_FALSE(learned->Has(1, 0));
}

TEST(LearnedDegrees, AreRefusedWhereAResultLacksThem) {
  const auto refusal = [](const char* text) {
    return LearnedDegrees::OfResult(Resolve(text), Rows()).status().message();
  };
  EXPECT_EQ(refusal("layer 0: learned_window(3); layer 1: adaptive_span"),
            "the result has no learned degrees for layer 1 head 0");
  EXPECT_EQ(refusal("layer 0: adaptive_span"),
            "the result has no learned degrees for layer 0 head 0");
}

TEST(LearnedDegrees, AreReadAsAModelCarriesThem) {
  DegreeRow window, span;
  window.epoch = span.epoch = 2;
  window.heads = {0, 1};
  window.distribution = Halves().parts();
  span.layer = 1;
  span.heads = {0};
  span.span = 2.5;
  const std::string text = DegreeRowsToJson({window, span});
  EXPECT_EQ(ParseDegreeRows(text).value(), (std::vector<DegreeRow>{window, span}));
  EXPECT_EQ(ParseDegreeRows("{}").status().message(), "learned degrees: an object must be a list");
  EXPECT_FALSE(ParseDegreeRows(R"([{"epoch": 2}])").ok());
}

TEST(ExpectedMasks, OfALearnedPlanAreItsHardenedMasks) {
  const Plan plan = Resolve("layer 0: learned_window(3, harden=threshold)");
  const auto learned = LearnedDegrees::OfResult(plan, Rows()).value();
  const std::vector<std::string> paths(4, "masked");
  const ExpectedExamples examples{{{5, 2}, {16, 1}}, {}};
  const auto hardened = ExpectedMasks().Of(plan, 0, examples, paths, &learned);
  const auto fixed = ExpectedMasks().Of(Resolve("layer 0: window(3)"), 0, examples, paths);
  EXPECT_EQ(hardened.root, fixed.root);
  EXPECT_EQ(hardened.rows, fixed.rows);
}

TEST(CheckLearned, RefusesInferenceWithASentence) {
  const Plan plan = Resolve("layer 0: learned_window");
  EXPECT_EQ(CheckLearned(plan, "infer").message(),
            "a learned pattern needs training, and a sweep of kind \"infer\" trains nothing; write "
            "the degrees that were learned, such as window(4)");
  EXPECT_TRUE(CheckLearned(plan, "finetune").ok());
  EXPECT_TRUE(CheckLearned(Resolve("window(4)"), "infer").ok());
}

TEST(CheckLearned, CountsDegreesByWhoSharesThem) {
  EXPECT_EQ(DegreeNumbers(Resolve("learned_window(5)")), 2 * 6);
  EXPECT_EQ(DegreeNumbers(Resolve("learned_window(5, per=head)")), 4 * 6);
  EXPECT_EQ(DegreeNumbers(Resolve("heads 0: learned_window(5); heads 1: learned_window")), 2 * 22);
  EXPECT_EQ(DegreeNumbers(Resolve("adaptive_span")), 4);
  const PlanContext large{24, 16, 512};
  EXPECT_TRUE(CheckLearned(Resolve("learned_window", large), "finetune").ok());
  EXPECT_EQ(CheckLearned(Resolve("learned_window(per=head)", large), "finetune").message(),
            "the learned patterns have 196608 degrees to learn, more than 100000; use per=layer or "
            "a smaller max");
}

std::vector<Cell> Cells(const std::string& rest) {
  FakeResolver resolver;
  auto grid = MakeGrid(SweepFile(rest), resolver);
  if (!grid.ok()) {
    ADD_FAILURE() << grid.status().message();
    return {};
  }
  return AllCells(*grid);
}

TEST(LearnedGrid, LambdaMakesTrialsOfLearnedPatternsOnly) {
  int aliases = 0;
  std::set<std::string> identities;
  for (const Cell& cell : Cells(R"j("attention": "$a", "seeds": 1, "baseline": "none",
           "axes": {"a": ["learned_window(4)", "window(2)"], "lambda": [0, 0.5, 1]})j")) {
    aliases += cell.alias_of.has_value();
    identities.insert(cell.trials.at(0).identity);
  }
  EXPECT_EQ(aliases, 2);
  EXPECT_EQ(identities.size(), 4u);
}

TEST(LearnedGrid, MaskSeedsMultiplyOnlyWhereRowsAreSampled) {
  for (const auto& [text, trials] : {std::pair("learned_window", 3u),
                                     {"learned_window(harden=mean)", 1u},
                                     {"learned_window(harden=threshold)", 1u},
                                     {"adaptive_span", 1u}}) {
    const auto cells = Cells(std::string(R"j("attention": ")j") + text +
                             R"j(", "seeds": 1, "mask_seeds": 3, "baseline": "none")j");
    ASSERT_EQ(cells.size(), 1u);
    EXPECT_EQ(cells[0].trials.size(), trials) << text;
  }
}

}  // namespace
}  // namespace sparsweep
