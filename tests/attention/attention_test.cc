// The operator against the double-precision reference: both implementations, both paths, forward
// and backward, with padding, empty rows and masks per head.
#include "attention/attention.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/attention/reference.h"

namespace sparsweep {
namespace {

struct Case {
  std::string attention;
  std::vector<int> lengths;
  int heads, head_size;
  PathChoice choice = PathChoice::kAuto;
};

struct Outcome {
  at::Tensor out, d_qkv;
};

class Operator {
 public:
  explicit Operator(const Case& c, uint64_t seed = 7)
      : c_(c),
        plan_(Plan::Resolve(c.attention, {2, c.heads, 64}).value()),
        masks_(MaskPlan::Make(plan_, {5, c.choice, {}, {}}, {c.lengths.begin(), c.lengths.end()},
                              cache_)
                   .value()) {
    at::manual_seed(seed);
    padded_ = *std::ranges::max_element(c.lengths) + 2;
    int64_t batch = static_cast<int64_t>(c.lengths.size()), hidden = c.heads * c.head_size;
    qkv_ = at::randn({batch, padded_, 3 * hidden});
    d_out_ = at::randn({batch, padded_, hidden});
  }

  Outcome Run(int layer, Implementation implementation, const DropoutStream& dropout = {}) {
    at::Tensor qkv = qkv_.clone().requires_grad_(true);
    AttentionBatch batch(c_.lengths, padded_, implementation);
    at::Tensor out = Attend(qkv, masks_->layer(layer), batch, dropout);
    return {out.detach(), torch::autograd::grad({out}, {qkv}, {d_out_})[0]};
  }

  AttentionReference Reference(int layer) {
    return ReferenceAttention(qkv_, c_.heads, c_.lengths, d_out_, [&](int b, int h, int i, int j) {
      return BuildMask(plan_.at(layer, h), c_.lengths[b], {5, layer, h, 64}).at(i, j) ? 1.0 : 0.0;
    });
  }
  const MaskPlan& masks() const { return *masks_; }
  const at::Tensor& qkv() const { return qkv_; }
  const at::Tensor& d_out() const { return d_out_; }

 private:
  Case c_;
  MaskCache cache_;
  Plan plan_;
  std::shared_ptr<const MaskPlan> masks_;
  int64_t padded_;
  at::Tensor qkv_, d_out_;
};

double Distance(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class AgainstReference : public testing::TestWithParam<Case> {};

TEST_P(AgainstReference, ForwardAndBackwardAgreeInBothImplementations) {
  Operator op(GetParam());
  for (int layer : {0, 1}) {
    AttentionReference reference = op.Reference(layer);
    for (Implementation how : {Implementation::kAuto, Implementation::kPortable}) {
      Outcome outcome = op.Run(layer, how);
      EXPECT_LT(Distance(outcome.out, reference.out), 2e-6) << layer;
      EXPECT_LT(Distance(outcome.d_qkv, reference.d_qkv), 1e-5) << layer;
      EXPECT_EQ(outcome.out.isfinite().all().item<bool>(), true);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Masks, AgainstReference,
    testing::Values(Case{"dense", {5, 17, 1, 33}, 2, 64},
                    Case{"dense", {5, 17, 1, 33}, 2, 64, PathChoice::kMasked},
                    Case{"window(1)", {16, 3, 40}, 3, 32}, Case{"self", {1, 2, 9}, 2, 16},
                    Case{"random(2)", {8, 8, 31}, 4, 16},
                    Case{"layer 1 heads 0: global(1) + window(2)", {12, 64}, 2, 32},
                    Case{"block(3, shift=1)", {7, 2, 1, 4}, 2, 16},  // rows without a key
                    Case{"heads 1: block(4, shift=2)", {5, 6}, 2, 16},
                    Case{"window(2)", {9, 4}, 2, 10}));  // a head size that the kernel has not

TEST(Attention, EmptyRowsAndPaddingOutputZero) {
  Operator op({"block(2, shift=1)", {1, 3}, 2, 16});  // length 1: its only query has no key
  for (Implementation how : {Implementation::kAuto, Implementation::kPortable}) {
    Outcome outcome = op.Run(0, how);
    EXPECT_EQ(outcome.out[0].abs().max().item<float>(), 0) << "no key at all";
    EXPECT_EQ(outcome.out[1].narrow(0, 3, 2).abs().max().item<float>(), 0) << "padding";
    EXPECT_EQ(outcome.d_qkv[0].abs().max().item<float>(), 0);
    EXPECT_EQ(outcome.d_qkv[1].narrow(0, 3, 2).abs().max().item<float>(), 0);
  }
}

TEST(Attention, PaddingDoesNotReachRealTokens) {
  Operator op({"window(1)", {4, 9}, 2, 16});
  Outcome before = op.Run(0, Implementation::kAuto);
  op.qkv()[0].narrow(0, 4, 7).fill_(std::numeric_limits<float>::quiet_NaN());
  Outcome after = op.Run(0, Implementation::kAuto);
  EXPECT_TRUE(at::equal(before.out, after.out));
}

TEST(Attention, ForcedMaskedPathEqualsDensePathToTheLastDigit) {
  Operator dense({"dense", {5, 17, 33}, 2, 64}),
      masked({"dense", {5, 17, 33}, 2, 64, PathChoice::kMasked});
  EXPECT_EQ(dense.masks().layer(0).path(0), AttentionPath::kDense);
  EXPECT_EQ(masked.masks().layer(0).path(0), AttentionPath::kMasked);
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.1)};
  Outcome a = dense.Run(0, Implementation::kAuto, dropout);
  Outcome b = masked.Run(0, Implementation::kAuto, dropout);
  EXPECT_TRUE(at::equal(a.out, b.out));
  EXPECT_TRUE(at::equal(a.d_qkv, b.d_qkv));
}

TEST(Attention, DropoutIsAFixedFunctionOfItsStream) {
  Operator op({"window(2)", {20, 11}, 2, 16});
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.3)};
  Outcome a = op.Run(0, Implementation::kAuto, dropout);
  Outcome b = op.Run(0, Implementation::kAuto, dropout);
  EXPECT_TRUE(at::equal(a.out, b.out));
  EXPECT_TRUE(at::equal(a.d_qkv, b.d_qkv));
  dropout.step = 2;
  EXPECT_FALSE(at::equal(a.out, op.Run(0, Implementation::kAuto, dropout).out));
}

TEST(Attention, GradientUnderDropoutIsThatOfTheForwardPass) {
  Operator op({"window(2)", {6, 5}, 1, 16});
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.3)};
  Outcome base = op.Run(0, Implementation::kAuto, dropout);
  at::manual_seed(99);
  at::Tensor direction = at::randn_like(op.qkv());
  const double epsilon = 3e-3;
  auto value = [&](double sign) {
    op.qkv().add_(direction, sign * epsilon);
    double sum =
        (op.Run(0, Implementation::kAuto, dropout).out.to(at::kDouble) * op.d_out().to(at::kDouble))
            .sum()
            .item<double>();
    op.qkv().sub_(direction, sign * epsilon);
    return sum;
  };
  double numeric = (value(1) - value(-1)) / (2 * epsilon);
  double analytic = (base.d_qkv.to(at::kDouble) * direction.to(at::kDouble)).sum().item<double>();
  EXPECT_NEAR(numeric, analytic, 2e-3 * (1 + std::abs(analytic)));
}

}  // namespace
}  // namespace sparsweep
