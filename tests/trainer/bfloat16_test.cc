// bfloat16 as autocast has it: products in it, weights and residuals in float32. The kernels
// against LibTorch's operators, and both against float32.
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "tests/trainer/tiny.h"

namespace sparsweep {
namespace {

using Tensors = std::vector<at::Tensor>;
using Block = std::function<at::Tensor(const Tensors&, const Compute&)>;

struct Both {
  at::Tensor out;
  Tensors grads;
};
Both Apply(const Block& block, const Tensors& inputs, const Compute& how) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_(true));
  at::Tensor out = block(leaves, how);
  at::manual_seed(77);
  at::Tensor seed = at::randn(out.sizes()).to(out.scalar_type());
  return {out.detach(), torch::autograd::grad({out}, leaves, {seed})};
}

double Relative(const at::Tensor& got, const at::Tensor& want) {
  const at::Tensor a = got.to(at::kDouble), b = want.to(at::kDouble);
  return (a - b).norm().item<double>() / b.norm().item<double>();
}

class Bfloat16 : public testing::Test {
 protected:
  void SetUp() override { at::manual_seed(1); }
  void Expect(const Block& block, const Tensors& inputs, at::ScalarType type) {
    const Both kernels = Apply(block, inputs, {Implementation::kAuto, at::kBFloat16});
    const Both operators = Apply(block, inputs, {Implementation::kPortable, at::kBFloat16});
    const Both exact = Apply(block, inputs, {Implementation::kAuto, at::kFloat});
    EXPECT_EQ(kernels.out.scalar_type(), type);
    EXPECT_EQ(operators.out.scalar_type(), type);
    EXPECT_LT(Relative(kernels.out, exact.out), 0.01);
    EXPECT_LT(Relative(kernels.out, operators.out), 0.006);
    EXPECT_GT(Relative(kernels.out, exact.out), 1e-5) << "it was computed in float32";
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(kernels.grads[i].scalar_type(), at::kFloat) << i;
      EXPECT_LT(Relative(kernels.grads[i], exact.grads[i]), 0.01) << "gradient of input " << i;
      EXPECT_LT(Relative(kernels.grads[i], operators.grads[i]), 0.01) << "gradient of input " << i;
    }
  }
  at::Tensor x_ = at::randn({70, 24}), w_ = at::randn({40, 24}) * 0.3, b_ = at::randn({40});
  at::Tensor residual_ = at::randn({70, 40}), gamma_ = at::randn({40}), beta_ = at::randn({40});
};

TEST_F(Bfloat16, Linear) {
  Expect([](const Tensors& t, const Compute& how) { return Linear(t[0], t[1], t[2], how); },
         {x_, w_, b_}, at::kBFloat16);
}

TEST_F(Bfloat16, LinearGelu) {
  Expect([](const Tensors& t, const Compute& how) { return LinearGelu(t[0], t[1], t[2], how); },
         {x_, w_, b_}, at::kBFloat16);
}

TEST_F(Bfloat16, LinearAddNormKeepsTheResidualInFloat32) {
  Expect(
      [](const Tensors& t, const Compute& how) {
        return LinearAddNorm(t[0], t[1], t[2], t[3], {t[4], t[5], 1e-12}, {}, how);
      },
      {x_, w_, b_, residual_, gamma_, beta_}, at::kFloat);
}

TEST_F(Bfloat16, RoundsToTheNearestAsLibTorchDoes) {
  // Positive: where GELU is a difference of nearly equal numbers, float32 itself is uncertain.
  at::Tensor x = at::randn({3000, 1}).abs() * 5, one = at::ones({1, 1}), zero = at::zeros({1});
  x[0][0] = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor got = LinearGelu(x, one, zero, {Implementation::kAuto, at::kBFloat16});
  const at::Tensor want = at::gelu(x.to(at::kBFloat16).to(at::kFloat)).to(at::kBFloat16);
  EXPECT_TRUE(got[0][0].isnan().item<bool>());
  const at::Tensor a = got.slice(0, 1).to(at::kFloat), b = want.slice(0, 1).to(at::kFloat);
  // The same number but for float32's own rounding at a tie.
  EXPECT_LT(a.ne(b).to(at::kDouble).mean().item<double>(), 0.002);
  EXPECT_LT(((a - b) / b.abs().clamp_min(1e-3)).abs().max().item<double>(), 0.01);
}

TEST_F(Bfloat16, TrainsToAboutTheLossesOfFloat32WithFloat32Weights) {
  TinyTraining exact, rounded, recomputed;
  rounded.model_options.precision = recomputed.model_options.precision = at::kBFloat16;
  recomputed.model_options.recompute = true;
  for (TinyTraining* training : {&exact, &rounded, &recomputed}) {
    training->options.epochs = 2;
    training->Run();
  }
  ASSERT_EQ(exact.losses.size(), rounded.losses.size());
  bool differs = false;
  for (size_t step = 0; step < exact.losses.size(); ++step) {
    EXPECT_NEAR(rounded.losses[step], exact.losses[step], 0.02) << step;
    differs |= rounded.losses[step] != exact.losses[step];
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(rounded.losses, recomputed.losses);
  for (const Parameter& parameter : rounded.Model().parameters()) {
    EXPECT_EQ(parameter.value.scalar_type(), at::kFloat) << parameter.name;
  }
}

}  // namespace
}  // namespace sparsweep
