// Accuracy, F1 and Matthews against worked examples.
#include "trainer/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sparsweep {
namespace {

TEST(Metrics, TwoClasses) {
  Confusion counts = {{50, 10}, {5, 35}};  // tn fp / fn tp
  EXPECT_DOUBLE_EQ(Accuracy(counts), 0.85);
  EXPECT_DOUBLE_EQ(F1(counts), 2.0 * 35 / (2 * 35 + 10 + 5));
  EXPECT_NEAR(Matthews(counts), (50. * 35 - 10 * 5) / std::sqrt(45. * 40 * 60 * 55), 1e-12);
}

TEST(Metrics, ThreeClasses) {
  Confusion counts = {{5, 0, 0}, {1, 3, 1}, {0, 2, 4}};
  EXPECT_DOUBLE_EQ(Accuracy(counts), 12. / 16);
  EXPECT_NEAR(F1(counts), (10. / 11 + 6. / 10 + 8. / 11) / 3, 1e-12);
  double both = 5 * 6 + 5 * 5 + 6 * 5, truths = 25 + 25 + 36, guesses = 36 + 25 + 25;
  EXPECT_NEAR(Matthews(counts), (12 * 16 - both) / std::sqrt((256 - truths) * (256 - guesses)),
              1e-12);
}

TEST(Metrics, AConstantGuessHasNoCorrelation) {
  EXPECT_EQ(Matthews({{7, 0}, {3, 0}}), 0);
  EXPECT_EQ(F1({{7, 0}, {3, 0}}), 0);
  EXPECT_EQ(Accuracy({{0, 0}, {0, 0}}), 0);
}

TEST(Metrics, CorrelationOfValuesAndOfRanks) {
  const std::vector<double> a = {1, 2, 3, 4, 5}, b = {2, 1, 4, 3, 5}, squares = {1, 4, 9, 16, 25};
  EXPECT_NEAR(Pearson(a, b), 0.8, 1e-12);
  EXPECT_NEAR(Pearson(a, squares), 0.9811049102515929, 1e-12);
  EXPECT_NEAR(Spearman(a, squares), 1, 1e-12);
  // Ranks 1, 2.5, 2.5, 4 against 1..4.
  EXPECT_NEAR(Spearman({1, 7, 7, 9}, {1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5), 1e-12);
  EXPECT_EQ(Pearson(a, {3, 3, 3, 3, 3}), 0);
  EXPECT_EQ(Spearman({}, {}), 0);
}

}  // namespace
}  // namespace sparsweep
