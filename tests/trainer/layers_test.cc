// The fused kernels against LibTorch's operators, which autograd differentiates: forward and every
// gradient, and what dropout does to both.
#include "trainer/layers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

namespace sparsweep {
namespace {

using Tensors = std::vector<at::Tensor>;
using Block = std::function<at::Tensor(const Tensors&, Implementation)>;

DropoutStream Drops() { return {5, 2, DropoutSite::kOutput, 1, DropoutStream::Threshold(0.25)}; }

struct Both {
  at::Tensor out;
  Tensors grads;
};
Both Apply(const Block& block, const Tensors& inputs, Implementation implementation) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_(true));
  at::Tensor out = block(leaves, implementation);
  at::manual_seed(77);
  return {out.detach(), torch::autograd::grad({out}, leaves, {at::randn_like(out)})};
}

void ExpectAgreement(const Block& block, const Tensors& inputs, double tolerance = 2e-5) {
  Both kernels = Apply(block, inputs, Implementation::kAuto);
  Both operators = Apply(block, inputs, Implementation::kPortable);
  EXPECT_LT((kernels.out - operators.out).abs().max().item<double>(), tolerance);
  for (size_t i = 0; i < inputs.size(); ++i) {
    double scale = 1 + operators.grads[i].abs().max().item<double>();
    EXPECT_LT((kernels.grads[i] - operators.grads[i]).abs().max().item<double>(), tolerance * scale)
        << "gradient of input " << i;
  }
}

class Layers : public testing::Test {
 protected:
  void SetUp() override { at::manual_seed(1); }
  // 70 tokens, 24 in, 40 out: no multiple of a vector.
  at::Tensor x_ = at::randn({70, 24}), w_ = at::randn({40, 24}) * 0.3, b_ = at::randn({40});
  at::Tensor residual_ = at::randn({70, 40}), gamma_ = at::randn({40}), beta_ = at::randn({40});
};

TEST_F(Layers, Linear) {
  ExpectAgreement(
      [](const Tensors& t, Implementation how) { return Linear(t[0], t[1], t[2], how); },
      {x_, w_, b_});
}

TEST_F(Layers, LinearGelu) {
  ExpectAgreement(
      [](const Tensors& t, Implementation how) { return LinearGelu(t[0], t[1], t[2], how); },
      {x_, w_, b_});
}

TEST_F(Layers, GeluIsExactOverItsWholeRange) {
  at::Tensor x = at::linspace(-12, 12, 4801).unsqueeze(1), one = at::ones({1, 1}),
             zero = at::zeros({1});
  at::Tensor expected = at::gelu(x.to(at::kDouble)).to(at::kFloat);
  at::Tensor got = LinearGelu(x, one, zero, Implementation::kAuto);
  EXPECT_LT((got - expected).abs().max().item<double>(), 1e-6);
}

TEST_F(Layers, LinearAddNorm) {
  ExpectAgreement(
      [](const Tensors& t, Implementation how) {
        return LinearAddNorm(t[0], t[1], t[2], t[3], {t[4], t[5], 1e-12}, {}, how);
      },
      {x_, w_, b_, residual_, gamma_, beta_});
}

TEST_F(Layers, Embed) {
  at::Tensor ids = at::randint(0, 9, {6, 5}, at::kLong),
             types = at::randint(0, 2, {6, 5}, at::kLong);
  ExpectAgreement(
      [&](const Tensors& t, Implementation how) {
        return Embed(ids, types, {t[0], t[1], t[2]}, {t[3], t[4], 1e-12}, {}, how);
      },
      {at::randn({9, 40}), at::randn({7, 40}), at::randn({2, 40}), gamma_, beta_});
}

TEST_F(Layers, DropoutScalesSurvivorsAndZeroesTheRest) {
  at::Tensor out = Dropout(at::ones({100, 40}), Drops(), Implementation::kAuto);
  at::Tensor dropped = out.eq(0), scaled = out.sub(Drops().scale()).abs().lt(1e-6);
  EXPECT_TRUE((dropped | scaled).all().item<bool>());
  EXPECT_NEAR(dropped.to(at::kDouble).mean().item<double>(), 0.25, 0.02);
}

// With a fixed mask the block is a smooth function: its gradient must be that of the same drops.
TEST_F(Layers, GradientsUnderDropoutFollowTheSameDrops) {
  const DropoutStream drops = Drops();
  Block block = [&](const Tensors& t, Implementation how) {
    return LinearAddNorm(t[0], t[1], t[2], t[3], {t[4], t[5], 1e-12}, drops, how);
  };
  // The mask of the site, read off the stream, and the block spelled out with it.
  at::Tensor keep = at::empty({70, 40}, at::kByte);
  FillKeep(drops, 0, keep.numel(), keep.mutable_data_ptr<uint8_t>());
  Block spelled_out = [&](const Tensors& t, Implementation) {
    at::Tensor y = at::linear(t[0], t[1], t[2]) * keep.to(at::kFloat) * drops.scale();
    return at::layer_norm(t[3] + y, {40}, t[4], t[5], 1e-12);
  };
  Tensors inputs = {x_, w_, b_, residual_, gamma_, beta_};
  Both got = Apply(block, inputs, Implementation::kAuto);
  Both want = Apply(spelled_out, inputs, Implementation::kPortable);
  EXPECT_LT((got.out - want.out).abs().max().item<double>(), 2e-5);
  for (size_t i = 0; i < inputs.size(); ++i) {
    double scale = 1 + want.grads[i].abs().max().item<double>();
    EXPECT_LT((got.grads[i] - want.grads[i]).abs().max().item<double>(), 2e-5 * scale) << i;
  }
}

TEST_F(Layers, PortableDropoutIsAFunctionOfItsStream) {
  at::Tensor x = at::ones({64, 64});
  DropoutStream other = Drops();
  other.layer = 2;
  EXPECT_TRUE(at::equal(PortableDropout(x, Drops()), PortableDropout(x, Drops())));
  EXPECT_FALSE(at::equal(PortableDropout(x, Drops()), PortableDropout(x, other)));
  EXPECT_NEAR(PortableDropout(x, Drops()).mean().item<double>(), 1, 0.05);
}

}  // namespace
}  // namespace sparsweep
