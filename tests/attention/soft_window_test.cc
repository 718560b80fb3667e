// The learned patterns' operators: the formula in double precision, central differences for qkv and
// for the degree parameters, and the kernel against both.
#include "attention/soft_window.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "attention/adaptive_span.h"
#include "attention/learned_window.h"
#include "core/learned_degrees.h"

namespace sparsweep {
namespace {

double Distance(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

struct Case {
  std::vector<int> lengths;
  int heads, head_size;
  std::vector<int> which;
  int distances;
};

// Inputs of a case in double precision; windows fall from 1 and end in zeros.
struct Inputs {
  explicit Inputs(const Case& c) {
    at::manual_seed(11);
    const int64_t batch = static_cast<int64_t>(c.lengths.size()), hidden = c.heads * c.head_size;
    const int64_t padded = *std::ranges::max_element(c.lengths) + 2;
    qkv = at::randn({batch, padded, 3 * hidden}, at::kDouble);
    d_out = at::randn({batch, padded, hidden}, at::kDouble);
    windows = at::rand({static_cast<int64_t>(c.which.size()), c.distances}, at::kDouble)
                  .cumprod(1)
                  .add(1e-3);
    windows.select(1, 0).fill_(1);
    if (c.distances > 2) windows.select(1, c.distances - 1).zero_();
  }
  at::Tensor qkv, d_out, windows;
};

// The formula of soft_window.h, element by element.
at::Tensor Formula(const Case& c, const Inputs& inputs) {
  const int64_t hidden = c.heads * c.head_size;
  at::Tensor result = at::zeros_like(inputs.d_out);
  auto in = inputs.qkv.accessor<double, 3>();
  auto window = inputs.windows.accessor<double, 2>();
  auto out = result.accessor<double, 3>();
  for (size_t b = 0; b < c.lengths.size(); ++b) {
    for (size_t k = 0; k < c.which.size(); ++k) {
      const int64_t first = int64_t{c.which[k]} * c.head_size;
      for (int i = 0; i < c.lengths[b]; ++i) {
        std::vector<double> a(c.lengths[b]);
        double total = 0;
        for (int j = 0; j < c.lengths[b]; ++j) {
          double score = 0;
          for (int e = 0; e < c.head_size; ++e) {
            score += in[b][i][first + e] * in[b][j][hidden + first + e];
          }
          const int x = std::abs(i - j);
          a[j] = (x < c.distances ? window[k][x] : 0) * std::exp(score / std::sqrt(c.head_size));
          total += a[j];
        }
        for (int j = 0; j < c.lengths[b]; ++j) {
          for (int e = 0; e < c.head_size; ++e) {
            out[b][i][first + e] += a[j] / total * in[b][j][2 * hidden + first + e];
          }
        }
      }
    }
  }
  return result;
}

struct Outcome {
  at::Tensor out, d_qkv, d_windows;
};

Outcome Compute(const Case& c, const Inputs& inputs, at::ScalarType type, Implementation how,
                const DropoutStream& dropout = {}) {
  at::Tensor qkv = inputs.qkv.to(type).clone().requires_grad_(true);
  at::Tensor windows = inputs.windows.to(type).clone().requires_grad_(true);
  at::Tensor out = SoftWindowAttention(qkv, c.heads, c.which, windows, c.lengths, dropout, how);
  auto grads = torch::autograd::grad({out}, {qkv, windows}, {inputs.d_out.to(type)});
  return {out.detach(), grads[0], grads[1]};
}

class SoftWindowShapes : public testing::TestWithParam<Case> {};

TEST_P(SoftWindowShapes, IsTheFormulaInBothImplementations) {
  const Case& c = GetParam();
  const Inputs inputs(c);
  const at::Tensor expected = Formula(c, inputs);
  EXPECT_LT(Distance(Compute(c, inputs, at::kDouble, Implementation::kPortable).out, expected),
            1e-13);
  EXPECT_LT(Distance(Compute(c, inputs, at::kFloat, Implementation::kPortable).out, expected),
            3e-6);
  EXPECT_LT(Distance(Compute(c, inputs, at::kFloat, Implementation::kAuto).out, expected), 3e-6);
}

TEST_P(SoftWindowShapes, KernelsGradientsAreThoseOfDoublePrecision) {
  const Case& c = GetParam();
  const Inputs inputs(c);
  const Outcome judge = Compute(c, inputs, at::kDouble, Implementation::kPortable);
  for (Implementation how : {Implementation::kAuto, Implementation::kPortable}) {
    const Outcome outcome = Compute(c, inputs, at::kFloat, how);
    EXPECT_LT(Distance(outcome.d_qkv, judge.d_qkv), 2e-5);
    // Slopes of small weights are large: the error is relative.
    const double size = 1 + judge.d_windows.abs().max().item<double>();
    EXPECT_LT(Distance(outcome.d_windows, judge.d_windows), 5e-6 * size);
    EXPECT_TRUE(outcome.d_windows.isfinite().all().item<bool>());
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SoftWindowShapes,
                         testing::Values(Case{{5, 17, 1, 33}, 2, 16, {0, 1}, 40},
                                         Case{{5, 17, 1, 33}, 3, 32, {0, 2}, 7},
                                         Case{{64, 63}, 1, 64, {0}, 64},
                                         Case{{2, 9}, 4, 16, {3}, 1},
                                         Case{{9, 4}, 2, 10, {0, 1}, 5}));  // no kernel for 10

// dL/dx by central differences in every coordinate of x.
at::Tensor Numeric(const at::Tensor& x, const std::function<double()>& loss) {
  const double epsilon = 1e-5;
  at::Tensor gradient = at::zeros_like(x);
  at::Tensor flat = x.view(-1), to = gradient.view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const double before = flat[i].item<double>();
    flat[i] = before + epsilon;
    const double above = loss();
    flat[i] = before - epsilon;
    const double below = loss();
    flat[i] = before;
    to[i] = (above - below) / (2 * epsilon);
  }
  return gradient;
}

// Loss and gradients of an operator whose windows come from parameters.
void CheckCentralDifferences(const at::Tensor& parameter,
                             const std::function<at::Tensor(const at::Tensor&)>& weights) {
  const std::vector<int> lengths = {5, 3};
  at::manual_seed(5);
  at::Tensor qkv = at::randn({2, 6, 24}, at::kDouble), d_out = at::randn({2, 6, 8}, at::kDouble);
  const auto run = [&](const at::Tensor& x, const at::Tensor& p) {
    return (SoftWindowAttention(x, 2, {0, 1}, weights(p), lengths, {}, Implementation::kPortable) *
            d_out)
        .sum();
  };
  at::Tensor x = qkv.clone().requires_grad_(true), p = parameter.clone().requires_grad_(true);
  auto grads = torch::autograd::grad({run(x, p)}, {x, p});
  const auto loss = [&] { return run(qkv, parameter).item<double>(); };
  EXPECT_LT(Distance(grads[0], Numeric(qkv, loss)), 1e-8);
  EXPECT_LT(Distance(grads[1], Numeric(parameter, loss)), 1e-8);
  EXPECT_GT(grads[1].abs().max().item<double>(), 1e-4) << "a gradient that is worth a check";
}

TEST(LearnedWindow, GradientsOfQkvAndLogitsAreCentralDifferences) {
  at::manual_seed(3);
  at::Tensor logits = at::randn({2, 4}, at::kDouble);
  CheckCentralDifferences(logits, [](const at::Tensor& p) { return LearnedWindowWeights(p); });
}

TEST(AdaptiveSpan, GradientsOfQkvAndSpansAreCentralDifferences) {
  at::Tensor u = at::tensor({-0.4, 0.3}, at::kDouble);  // spans 1.2 and 1.7: no kink nearby
  CheckCentralDifferences(u, [](const at::Tensor& p) { return AdaptiveSpanWeights(p, 3, 3, 6); });
}

TEST(AdaptiveSpan, SlopeInZIsTheSumOverTheRamp) {
  // dL/dz = 1/R * sum over the ramp of exp(q - LSE)(dP - D), from the derivatives of the windows.
  const Case c{{9, 6}, 1, 16, {0}, 9};
  Inputs inputs(c);
  const int ramp = 4;
  at::Tensor z = at::tensor({2.5}, at::kDouble).requires_grad_(true);
  at::Tensor x = at::arange(9, at::kDouble);
  at::Tensor weights = ((z.unsqueeze(-1) + ramp - x) / ramp).clamp(0, 1);
  inputs.windows = weights.detach();
  const Outcome outcome = Compute(c, inputs, at::kDouble, Implementation::kPortable);
  const double on_ramp =  // 2.5 < x < 6.5
      outcome.d_windows[0].narrow(0, 3, 4).sum().item<double>() / ramp;
  at::Tensor out =
      SoftWindowAttention(inputs.qkv, 1, {0}, weights, c.lengths, {}, Implementation::kPortable);
  EXPECT_NEAR(torch::autograd::grad({out}, {z}, {inputs.d_out})[0].item<double>(), on_ramp, 1e-12);
}

TEST(LearnedWindow, StartsWithNineTenthsAtMaxAndTheRestUniform) {
  at::Tensor p = DegreeProbabilities(InitialDegreeLogits(4)).to(at::kDouble);
  EXPECT_LT(Distance(p, at::tensor({0.025, 0.025, 0.025, 0.025, 0.9}, at::kDouble)), 1e-7);
  at::Tensor s = LearnedWindowWeights(InitialDegreeLogits(4)).to(at::kDouble);
  EXPECT_LT(Distance(s, at::tensor({1.0, 0.975, 0.95, 0.925, 0.9}, at::kDouble)), 1e-6);
  EXPECT_EQ(DegreeProbabilities(InitialDegreeLogits(0)).item<float>(), 1);
}

TEST(AdaptiveSpan, StartsAtNineTenthsOfMax) {
  EXPECT_NEAR(SpanOf(InitialSpan(), 50).item<double>(), 45, 1e-4);
  at::Tensor m = AdaptiveSpanWeights(InitialSpan().unsqueeze(0), 50, 4, 51);
  for (int x : {0, 45, 46, 47, 48, 49, 50}) {
    EXPECT_NEAR(m[0][x].item<double>(), SpanWeight(45, 4, x), 1e-5) << x;
  }
}

TEST(SoftWindow, OfOnesIsDenseAttentionWithTheSameDrops) {
  const Case c{{20, 11}, 2, 16, {0, 1}, 20};
  Inputs inputs(c);
  inputs.windows.fill_(1);
  MaskCache cache;
  const Plan plan = Plan::Resolve("dense", {1, 2, 64}).value();
  auto masks = MaskPlan::Make(plan, {}, {20, 11}, cache).value();
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.3)};
  AttentionBatch batch(c.lengths, static_cast<int>(inputs.qkv.size(1)));
  at::Tensor dense = Attend(inputs.qkv.to(at::kFloat), masks->layer(0), batch, dropout);
  Outcome soft = Compute(c, inputs, at::kFloat, Implementation::kAuto, dropout);
  EXPECT_LT(Distance(soft.out, dense), 1e-6);
}

TEST(SoftWindow, OfZerosAndOnesIsTheMaskedWindow) {
  const Case c{{20, 3}, 2, 16, {0, 1}, 3};
  Inputs inputs(c);
  inputs.windows.fill_(1);
  MaskCache cache;
  const Plan plan = Plan::Resolve("window(2)", {1, 2, 64}).value();
  auto masks = MaskPlan::Make(plan, {}, {20, 3}, cache).value();
  AttentionBatch batch(c.lengths, static_cast<int>(inputs.qkv.size(1)));
  at::Tensor masked = Attend(inputs.qkv.to(at::kFloat), masks->layer(0), batch, {});
  for (Implementation how : {Implementation::kAuto, Implementation::kPortable}) {
    EXPECT_LT(Distance(Compute(c, inputs, at::kFloat, how).out, masked), 1e-6);
  }
}

TEST(SoftWindow, DropsTheSameInBothImplementations) {
  const Case c{{5, 17, 33}, 3, 16, {0, 2}, 40};
  const Inputs inputs(c);
  const DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.3)};
  const Outcome kernel = Compute(c, inputs, at::kFloat, Implementation::kAuto, dropout);
  const Outcome portable = Compute(c, inputs, at::kFloat, Implementation::kPortable, dropout);
  EXPECT_LT(Distance(kernel.out, portable.out), 3e-6);
  EXPECT_LT(Distance(kernel.d_qkv, portable.d_qkv), 2e-5);
}

TEST(SoftWindow, GradientUnderDropoutIsThatOfTheForwardPass) {
  const Case c{{6, 5}, 2, 16, {1}, 6};
  Inputs inputs(c);
  inputs.windows = at::rand({1, 6}, at::kDouble).add(0.5);
  const DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.3)};
  for (Implementation how : {Implementation::kAuto, Implementation::kPortable}) {
    const Outcome base = Compute(c, inputs, at::kFloat, how, dropout);
    at::manual_seed(99);
    at::Tensor direction = at::randn_like(inputs.windows);
    const double epsilon = 3e-3;
    const auto value = [&](double step) {
      Inputs moved = inputs;
      moved.windows = inputs.windows + direction * step;
      return (Compute(c, moved, at::kFloat, how, dropout).out.to(at::kDouble) * inputs.d_out)
          .sum()
          .item<double>();
    };
    const double numeric = (value(epsilon) - value(-epsilon)) / (2 * epsilon);
    const double analytic = (base.d_windows.to(at::kDouble) * direction).sum().item<double>();
    EXPECT_NEAR(numeric, analytic, 2e-3 * (1 + std::abs(analytic)));
    const Outcome again = Compute(c, inputs, at::kFloat, how, dropout);
    EXPECT_TRUE(at::equal(base.out, again.out));
    EXPECT_TRUE(at::equal(base.d_windows, again.d_windows));
  }
}

}  // namespace
}  // namespace sparsweep
