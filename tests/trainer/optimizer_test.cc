// The schedule's values and AdamW against its formula.
#include "trainer/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sparsweep {
namespace {

TEST(LearningRate, WarmsUpThenFallsToZeroLinearly) {
  // 25 steps, ratio 0.1: ceil(2.5) = 3 warm-up steps
  const double expected[] = {0, 1. / 3, 2. / 3, 1, 21. / 22, 20. / 22};
  for (int step = 0; step < 6; ++step) {
    EXPECT_DOUBLE_EQ(LearningRate(1, "linear", 0.1, step, 25), expected[step]) << step;
  }
  EXPECT_DOUBLE_EQ(LearningRate(1, "linear", 0.1, 24, 25), 1. / 22);
  EXPECT_DOUBLE_EQ(LearningRate(3, "linear", 0, 0, 4), 3);
}

TEST(LearningRate, ConstantStaysAfterWarmUp) {
  EXPECT_DOUBLE_EQ(LearningRate(2, "constant", 0.5, 1, 4), 1);
  EXPECT_DOUBLE_EQ(LearningRate(2, "constant", 0.5, 3, 4), 2);
}

TEST(AdamW, ClipsDecaysAndSteps) {
  at::Tensor w = at::tensor({1.0f, -2.0f}).requires_grad_(true);
  at::Tensor b = at::tensor({0.5f}).requires_grad_(true);
  AdamW optimizer({{"w", w, true}, {"b", b, false}}, /*weight_decay=*/0.1);
  w.mutable_grad() = at::tensor({3.0f, 0.0f});
  b.mutable_grad() = at::tensor({4.0f});
  EXPECT_FLOAT_EQ(optimizer.Step(0.01, /*clip=*/1.0), 5);
  // First step: m / (1 - b1) = g and v / (1 - b2) = g^2, so each moves by lr * sign(g).
  EXPECT_NEAR(w.detach()[0].item<double>(), 1 * (1 - 0.001) - 0.01, 1e-6);
  EXPECT_NEAR(w.detach()[1].item<double>(), -2 * (1 - 0.001), 1e-6);
  EXPECT_NEAR(b.detach()[0].item<double>(), 0.5 - 0.01, 1e-6);
  EXPECT_FALSE(w.grad().defined());

  // Second step, unclipped: moments hold 0.6 and 0.8 (the clipped gradient), then 0.3.
  w.mutable_grad() = at::tensor({0.3f, 0.0f});
  b.mutable_grad() = at::tensor({0.0f});
  const double before = w.detach()[0].item<double>();
  optimizer.Step(0.01, 1.0);
  double m = 0.9 * 0.1 * 0.6 + 0.1 * 0.3, v = 0.999 * 0.001 * 0.36 + 0.001 * 0.09;
  double step = 0.01 * m / (1 - 0.81) / (std::sqrt(v / (1 - 0.999 * 0.999)) + 1e-8);
  EXPECT_NEAR(w.detach()[0].item<double>(), before * (1 - 0.001) - step, 1e-6);
}

TEST(AdamW, KnowsWhatDecayAloneMadeOfAParameter) {
  at::Tensor w = at::ones({1}).requires_grad_(true), slow = at::ones({1}).requires_grad_(true);
  at::Tensor b = at::ones({1}).requires_grad_(true), frozen = at::ones({1});
  AdamW optimizer({{"w", w, true}, {"slow", slow, true, 0.5}, {"b", b, false}, {"f", frozen, true}},
                  0.1);
  for (double rate : {0.01, 0.02}) {
    for (at::Tensor* value : {&w, &slow, &b}) value->mutable_grad() = at::zeros({1});
    optimizer.Step(rate, 0);
  }
  EXPECT_DOUBLE_EQ(optimizer.Decayed("w"), (1 - 0.001) * (1 - 0.002));
  EXPECT_DOUBLE_EQ(optimizer.Decayed("slow"), (1 - 0.0005) * (1 - 0.001));
  EXPECT_DOUBLE_EQ(optimizer.Decayed("b"), 1);
  EXPECT_DOUBLE_EQ(optimizer.Decayed("f"), 1);
  EXPECT_NEAR(w.item<double>(), optimizer.Decayed("w"), 1e-7);
  EXPECT_NEAR(slow.item<double>(), optimizer.Decayed("slow"), 1e-7);
  EXPECT_EQ(frozen.item<double>(), 1);
}

}  // namespace
}  // namespace sparsweep
