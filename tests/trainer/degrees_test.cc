// Degree parameters: who shares them, their windows, the price of their density, what is recorded.
#include "trainer/degrees.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "trainer/learned_run.h"
#include "trainer/optimizer.h"

namespace sparsweep {
namespace {

Plan Resolve(const std::string& text) { return Plan::Resolve(text, {3, 4, 12}).value(); }

const LengthCounts kLengths = {{3, 4}, {12, 2}};

// Mean over layers, given the density (or span) of each learned head of each.
double MeanOfMeans(const std::vector<std::vector<double>>& layers) {
  double total = 0;
  for (const auto& heads : layers) {
    double sum = 0;
    for (const double head : heads) sum += head;
    total += sum / static_cast<double>(heads.size());
  }
  return total / static_cast<double>(layers.size());
}

TEST(Degrees, AreSharedByTheHeadsOfALayerUnlessPerHead) {
  const Plan plan = Resolve(
      "layer 0: learned_window(5); layer 1: learned_window(5, per=head); "
      "layer 2 heads 0,2: learned_window(4); layer 2 heads 1: adaptive_span(6)");
  const Degrees degrees(plan, kLengths, at::kCPU);
  std::vector<std::vector<int64_t>> shapes;
  for (const at::Tensor& value : degrees.parameters()) {
    shapes.push_back(value.sizes().vec());
    EXPECT_TRUE(value.requires_grad());
  }
  EXPECT_EQ(shapes, (std::vector<std::vector<int64_t>>{{1, 6}, {4, 6}, {1, 5}, {1}}));
  std::vector<std::vector<int>> cells;
  for (const auto& cell : degrees.cells()) cells.push_back(cell.heads);
  EXPECT_EQ(cells, (std::vector<std::vector<int>>{{0, 1, 2, 3}, {0}, {1}, {2}, {3}, {0, 2}, {1}}));
}

TEST(Degrees, WindowsAreByAscendingHeadAndThoseOfWhatIsRecorded) {
  const Plan plan =
      Resolve("layer 0 heads 0,2: learned_window(4); layer 0 heads 1: adaptive_span(6, ramp=3)");
  const Degrees degrees(plan, kLengths, at::kCPU);
  {  // somewhere on the way
    at::NoGradGuard no_grad;
    degrees.parameters()[0].copy_(at::tensor({0.3, -1.0, 0.5, 2.0, -0.4}).unsqueeze(0));
    degrees.parameters()[1].fill_(-0.7);
  }
  const SoftWindows windows = degrees.Windows(0);
  EXPECT_EQ(windows.heads, (std::vector<int>{0, 1, 2}));
  const LearnedDegrees learned = degrees.Current().value();
  for (int head : windows.heads) {
    const auto weights = SoftWindowWeights(plan.at(0, head), learned.at(0, head), 12);
    for (int x = 0; x < 12; ++x) {
      EXPECT_NEAR(windows.weights[head][x].item<double>(), weights[x], 1e-6) << head << " " << x;
    }
  }
}

TEST(Degrees, PriceIsTheMeanOverLayersOfTheExpectedDensity) {
  const Plan plan = Resolve(
      "layer 0: learned_window(5, per=head); layer 2 heads 0-1: learned_window(3); "
      "layer 2 heads 2: learned_window(9)");
  const Degrees degrees(plan, kLengths, at::kCPU);
  at::manual_seed(2);
  for (at::Tensor value : degrees.parameters()) value.detach().normal_();
  const LearnedDegrees learned = degrees.Current().value();
  const auto density = [&](int layer, int head) {
    return ExpectedDensity(plan.at(layer, head), learned.at(layer, head), kLengths);
  };
  const double expected = MeanOfMeans({{density(0, 0), density(0, 1), density(0, 2), density(0, 3)},
                                       {density(2, 0), density(2, 1), density(2, 2)}});
  EXPECT_NEAR(degrees.Price().item<double>(), expected, 2e-6);
}

TEST(Degrees, PriceOfSpansIsTheirMean) {
  const Plan plan = Resolve("layer 0: adaptive_span(10); layer 1 heads 3: adaptive_span(4)");
  const Degrees degrees(plan, kLengths, at::kCPU);
  EXPECT_NEAR(degrees.Price().item<double>(), MeanOfMeans({{9, 9, 9, 9}, {3.6}}), 1e-5);
}

TEST(Degrees, PriceFallsAlongItsGradient) {
  const Plan plan = Resolve("learned_window");
  const Degrees degrees(plan, kLengths, at::kCPU);
  const double before = degrees.Price().item<double>();
  degrees.Price().backward();
  for (at::Tensor value : degrees.parameters()) {
    ASSERT_GT(value.grad().abs().max().item<double>(), 0);
    value.detach().sub_(value.grad(), 10);
  }
  EXPECT_LT(degrees.Price().item<double>(), before);
}

TEST(Degrees, ThatAreNotFiniteAreNotRecorded) {
  const Plan plan = Resolve("layer 1: learned_window");
  const Degrees degrees(plan, kLengths, at::kCPU);
  degrees.parameters()[0].detach().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(degrees.Current().status().message(),
            "a degree parameter of layer 1 is not finite; lower degree_lr or lambda");
}

TEST(AdamW, LeavesDegreesOutOfDecayAndClipping) {
  const auto after = [](double degree_gradient, double degree_rate) {
    at::Tensor weight = at::tensor({1.0f}).requires_grad_(true);
    at::Tensor degree = at::tensor({4.0f}).requires_grad_(true);
    AdamW optimizer({{"w", weight, true}}, /*weight_decay=*/0.5, {degree});
    std::vector<double> values;
    for (double gradient : {3.0, 1.0}) {  // the first is clipped to 1
      weight.mutable_grad() = at::tensor({static_cast<float>(gradient)});
      degree.mutable_grad() = at::tensor({static_cast<float>(degree_gradient)});
      values.push_back(optimizer.Step(0.01, /*clip=*/1.0, degree_rate));
    }
    values.push_back(weight.item<double>());
    values.push_back(degree.item<double>());
    EXPECT_FALSE(degree.grad().defined());
    return values;
  };
  const auto small = after(1e-3, 0.1), large = after(1e3, 0.1);
  EXPECT_EQ(small[0], 3) << "the norm is that of the weights";
  EXPECT_EQ(small[2], large[2]) << "a large degree gradient clips no weight";
  EXPECT_NEAR(small[3], 4 - 2 * 0.1, 1e-4) << "two steps of degree_lr: no decay";
  EXPECT_NEAR(large[3], 4 - 2 * 0.1, 1e-4);
  EXPECT_EQ(after(1, 0)[3], 4) << "and nothing else moves it";
}

TEST(ThinOut, KeepsEveryKthEpochBackFromTheLast) {
  std::vector<DegreeRow> rows;
  for (int epoch = 1; epoch <= 5; ++epoch) {
    for (int layer : {0, 1}) {
      DegreeRow row;
      row.epoch = epoch;
      row.layer = layer;
      row.distribution = {500'000, 500'000};
      rows.push_back(row);
    }
  }
  const auto kept = [&](int64_t most) {
    std::vector<DegreeRow> thinned = rows;
    ThinOut(&thinned, most);
    std::vector<int> epochs;
    for (const DegreeRow& row : thinned) {
      if (row.layer == 0 && !row.distribution.empty()) epochs.push_back(row.epoch);
    }
    return epochs;
  };
  EXPECT_EQ(kept(20), (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(kept(19), (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(kept(8), (std::vector<int>{2, 5}));
  EXPECT_EQ(kept(4), (std::vector<int>{5}));
}

}  // namespace
}  // namespace sparsweep
