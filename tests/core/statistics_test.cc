// Statistics against scipy and statsmodels (golden/make_statistics.py), and their corner cases.
#include "core/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace sparsweep {
namespace {

using testing::ElementsAre;

nlohmann::json Golden() {
  std::ifstream in(SPARSWEEP_SOURCE_DIR "/tests/core/golden/statistics.json");
  return nlohmann::json::parse(in);
}

std::map<uint64_t, double> BySeed(const std::vector<double>& values) {
  std::map<uint64_t, double> by_seed;
  for (size_t i = 0; i < values.size(); ++i) by_seed[i + 1] = values[i];
  return by_seed;
}

TEST(Statistics, PairedDifferencesAgreeWithScipyAndStatsmodels) {
  const nlohmann::json golden = Golden();
  ASSERT_EQ(golden["pairs"].size(), 7u);
  for (const auto& pair : golden["pairs"]) {
    const auto difference = ComparePaired(BySeed(pair["cell"]), BySeed(pair["baseline"]));
    ASSERT_TRUE(difference.has_value());
    EXPECT_EQ(difference->pairs, static_cast<int>(pair["cell"].size()));
    EXPECT_NEAR(difference->mean, pair["mean"], 1e-12);
    EXPECT_NEAR(*difference->deviation, pair["deviation"], 1e-12);
    EXPECT_NEAR(*difference->low, pair["low"], 1e-10);
    EXPECT_NEAR(*difference->high, pair["high"], 1e-10);
    const double p = pair["p"], detectable = pair["smallest_detectable"];
    EXPECT_NEAR(*difference->p, p, 1e-9 * p + 1e-15);
    EXPECT_NEAR(*difference->smallest_detectable, detectable, 1e-6 * detectable);
  }
}

TEST(Statistics, CorrectionsAgreeWithStatsmodels) {
  const nlohmann::json golden = Golden();  // named: the loop must not outlive it
  ASSERT_EQ(golden["families"].size(), 4u);
  for (const auto& family : golden["families"]) {
    const std::vector<double> p = family["p"];
    const std::vector<double> holm = HolmAdjusted(p), discovery = BenjaminiHochbergAdjusted(p);
    for (size_t i = 0; i < p.size(); ++i) {
      EXPECT_NEAR(holm[i], family["holm"][i], 1e-12);
      EXPECT_NEAR(discovery[i], family["benjamini_hochberg"][i], 1e-12);
    }
  }
  EXPECT_TRUE(HolmAdjusted({}).empty());
  EXPECT_TRUE(BenjaminiHochbergAdjusted({}).empty());
}

TEST(Statistics, MaskSeedsAreAveragedBeforeTrainingSeeds) {
  // Seed 1 has three draws, seed 2 one: each seed counts once.
  const std::vector<Measurement> rows = {
      {5, 1, 0, 1.0}, {5, 1, 1, 2.0}, {5, 1, 2, 3.0}, {5, 2, 0, 6.0}, {9, 1, 0, 7.0}};
  const auto cells = Summarize(rows);
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_EQ(cells.at(5).by_seed, (std::map<uint64_t, double>{{1, 2.0}, {2, 6.0}}));
  EXPECT_EQ(cells.at(5).mean, 4.0);
  EXPECT_DOUBLE_EQ(*cells.at(5).deviation, std::sqrt(8.0));
  EXPECT_EQ(cells.at(9).mean, 7.0);
  EXPECT_FALSE(cells.at(9).deviation.has_value());
}

TEST(Statistics, PairsOnlySeedsThatBothHave) {
  const auto difference =
      ComparePaired({{1, 5.0}, {2, 7.0}, {3, 1.0}}, {{2, 6.0}, {3, 3.0}, {4, 0.0}});
  EXPECT_EQ(difference->pairs, 2);
  EXPECT_EQ(difference->mean, -0.5);
  EXPECT_FALSE(ComparePaired({{1, 5.0}}, {{2, 5.0}}).has_value());
}

TEST(Statistics, BelowThreePairsThereIsNoIntervalAndNoP) {
  for (const int pairs : {1, 2}) {
    const auto difference = ComparePaired(BySeed(std::vector<double>(pairs, 5.0)),
                                          BySeed(std::vector<double>(pairs, 4.0)));
    EXPECT_EQ(difference->mean, 1.0);
    EXPECT_FALSE(difference->low || difference->high || difference->p ||
                 difference->smallest_detectable);
    EXPECT_EQ(difference->deviation.has_value(), pairs == 2);
  }
}

TEST(Statistics, OfEqualDifferencesTheIntervalIsAPoint) {
  const auto none = ComparePaired(BySeed({1, 2, 3}), BySeed({1, 2, 3}));
  EXPECT_EQ(none->p, 1.0);
  EXPECT_EQ(none->smallest_detectable, 0.0);
  const auto one = ComparePaired(BySeed({2, 3, 4}), BySeed({1, 2, 3}));
  EXPECT_EQ(one->p, 0.0);
  EXPECT_EQ(one->low, 1.0);
  EXPECT_EQ(one->high, 1.0);
}

TEST(Statistics, TheFamilyIsAllNonBaselineCellsThatHaveAP) {
  std::vector<Measurement> rows;
  const auto add = [&](uint64_t cell, const std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); ++i) rows.push_back({cell, i + 1, 0, values[i]});
  };
  add(0, {80, 81, 82, 83});
  add(1, {80.5, 81.6, 82.4, 83.7});
  add(2, {79, 81.5, 81, 84});
  add(3, {70, 71});      // two seeds: a difference, no p
  add(4, {1, 2, 3, 4});  // not in the family
  const auto comparisons = CompareCells(Summarize(rows), {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {8, 0}});
  ASSERT_EQ(comparisons.size(), 3u);
  EXPECT_EQ(comparisons[0].cell, 1u);
  EXPECT_EQ(comparisons[0].baseline, 0u);
  EXPECT_DOUBLE_EQ(*comparisons[0].p_holm, 2 * *comparisons[0].difference.p);
  EXPECT_DOUBLE_EQ(*comparisons[1].p_holm, *comparisons[1].difference.p);
  EXPECT_EQ(comparisons[2].cell, 3u);
  EXPECT_DOUBLE_EQ(comparisons[2].difference.mean, -10);
  EXPECT_FALSE(comparisons[2].p_holm || comparisons[2].p_benjamini_hochberg);
}

TEST(LineFit, FindsInterceptSlopeAndFit) {
  const auto exact = FitLine({{128, 5 + 2 * 128.0}, {256, 5 + 2 * 256.0}, {512, 5 + 2 * 512.0}});
  ASSERT_TRUE(exact.has_value());
  EXPECT_NEAR(exact->intercept, 5, 1e-9);
  EXPECT_NEAR(exact->slope, 2, 1e-12);
  EXPECT_NEAR(exact->r2, 1, 1e-12);
  // By hand: means 2 and 4/3; xy 1, xx 2, yy 2/3.
  const auto rough = FitLine({{1, 1}, {2, 1}, {3, 2}});
  EXPECT_NEAR(rough->slope, 0.5, 1e-12);
  EXPECT_NEAR(rough->intercept, 1.0 / 3, 1e-12);
  EXPECT_NEAR(rough->r2, 0.75, 1e-12);
  EXPECT_FALSE(FitLine({{1, 1}}).has_value());
  EXPECT_EQ(FitLine({{1, 3}, {2, 3}})->r2, 1);
}

}  // namespace
}  // namespace sparsweep
