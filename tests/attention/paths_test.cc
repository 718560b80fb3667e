// The paths of attention against the double-precision reference, in pairs of the factors (all of
// them: paths_product_test.cc), and the laws that hold on each.
#include "tests/attention/path_cases.h"

namespace sparsweep {
namespace {

class Pairs : public testing::TestWithParam<int> {};

// Every case meets every length, and both meet every type, dropout and implementation.
TEST_P(Pairs, AgreeWithTheReference) {
  const int i = GetParam();
  const PathCase c = PathCases()[i];
  for (size_t l = 0; l < PathLengths().size(); ++l) {
    const int turn = i + static_cast<int>(l);
    const bool portable = turn % 3 == 2;
    ComparePath(c, PathLengths()[l],
                {turn % 2 && !portable ? at::kBFloat16 : at::kFloat, turn / 2 % 2 == 1,
                 portable ? Implementation::kPortable : Implementation::kAuto});
  }
}
INSTANTIATE_TEST_SUITE_P(Paths, Pairs, testing::Range(0, static_cast<int>(PathCases().size())));

// One head of 16 numbers, one example without padding.
struct Single {
  explicit Single(const std::string& pattern, int length, PathChoice path = PathChoice::kAuto)
      : length(length),
        masks(MaskPlan::Make(Plan::Resolve(pattern, {1, 1, 512}).value(), {5, path, {}, {}},
                             {length}, cache)
                  .value()) {
    at::manual_seed(11);
    qkv = at::randn({1, length, 48});
    d_out = at::randn({1, length, 16});
  }
  std::pair<at::Tensor, at::Tensor> Run(const at::Tensor& input,
                                        const DropoutStream& dropout = {}) {
    at::Tensor x = input.detach().clone().requires_grad_(true);
    AttentionBatch batch({length}, length);
    at::Tensor out = Attend(x, masks->layer(0), batch, dropout);
    return {out.detach(), torch::autograd::grad({out}, {x}, {d_out})[0]};
  }
  MaskCache cache;
  int length;
  std::shared_ptr<const MaskPlan> masks;
  at::Tensor qkv, d_out;
};

const PathCase kOnePerPath[] = {{"dense", PathChoice::kDense},
                                {"block(2, shift=1)", PathChoice::kBlock},
                                {"window(5, dilation=2)", PathChoice::kWindow},
                                {"bigbird(1, 2, 3)", PathChoice::kMasked}};

TEST(Paths, RepeatToTheLastBit) {
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.2)};
  for (const PathCase& c : kOnePerPath) {
    for (int length : {50, 300}) {
      Single one(c.pattern, length, c.path);
      auto [out, grad] = one.Run(one.qkv, dropout);
      auto [again, grad_again] = one.Run(one.qkv, dropout);
      EXPECT_TRUE(at::equal(out, again)) << c.pattern;
      EXPECT_TRUE(at::equal(grad, grad_again)) << c.pattern;
    }
  }
}

TEST(Paths, HugeKeysThatAreMaskedOutChangeNothing) {
  // The last 10 tokens are seen by no query but themselves (block: by the other half).
  for (int length : {40, 300}) {
    for (PathChoice path : {PathChoice::kWindow, PathChoice::kMasked, PathChoice::kBlock}) {
      const std::string pattern = path == PathChoice::kBlock ? "block(2)" : "window(4)";
      Single one(pattern, length, path);
      at::Tensor loud = one.qkv.clone();
      loud[0].narrow(0, length - 10, 10).narrow(1, 16, 32).fill_(1e30);  // K and V
      one.d_out[0].narrow(0, length - 20, 20).fill_(0);
      auto [out, grad] = one.Run(one.qkv);
      auto [loud_out, loud_grad] = one.Run(loud);
      const int untouched = pattern[0] == 'b' ? length / 2 : length - 20;
      EXPECT_TRUE(at::equal(out[0].narrow(0, 0, untouched), loud_out[0].narrow(0, 0, untouched)))
          << pattern;
      if (pattern[0] == 'b') continue;  // its second half has gradients of its own
      EXPECT_EQ(loud_grad[0].narrow(0, length - 10, 10).abs().max().item<float>(), 0) << pattern;
      EXPECT_TRUE(at::equal(grad[0].narrow(0, 0, untouched), loud_grad[0].narrow(0, 0, untouched)))
          << pattern;
    }
  }
}

TEST(Paths, CommuteWithAPermutationOfTheTokens) {
  for (int length : {33, 260}) {
    Single dense("dense", length), self("self", length);
    at::Tensor order = at::randperm(length);
    for (Single* one : {&dense, &self}) {
      at::Tensor turned = one->qkv.index_select(1, order);
      at::Tensor out = one->Run(one->qkv).first.index_select(1, order);
      EXPECT_LT(LargestDifference(out, one->Run(turned).first), 2e-6);
    }
  }
}

TEST(Paths, GradientsAreCentralDifferences) {
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.3)};
  for (const PathCase& c : kOnePerPath) {
    Single one(c.pattern, 6, c.path);
    at::Tensor grad = one.Run(one.qkv, dropout).second;
    for (int64_t at : {0, 20, 40, 100, 150, 210, 280}) {
      const float step = 1e-2f;
      auto value = [&](float by) {
        at::Tensor moved = one.qkv.clone();
        moved.view({-1})[at] += by;
        return (one.Run(moved, dropout).first.to(at::kDouble) * one.d_out).sum().item<double>();
      };
      EXPECT_NEAR((value(step) - value(-step)) / (2 * step), grad.view({-1})[at].item<float>(),
                  2e-3)
          << c.pattern << " " << at;
    }
  }
}

TEST(Paths, DropTheSameEntriesOnEveryPathAndImplementation) {
  DropoutStream dropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.4)};
  for (int length : {20, 150}) {
    for (const char* pattern : {"dense", "block(3, shift=1)", "window(4, dilation=3)"}) {
      Single by_path(pattern, length), masked(pattern, length, PathChoice::kMasked);
      auto [a, d_a] = by_path.Run(by_path.qkv, dropout);
      auto [b, d_b] = masked.Run(masked.qkv, dropout);
      EXPECT_LT(LargestDifference(a, b), 2e-6) << pattern;
      EXPECT_LT(LargestDifference(d_a, d_b), 1e-5) << pattern;
      AttentionBatch portable({length}, length, Implementation::kPortable);
      EXPECT_LT(
          LargestDifference(a, Attend(by_path.qkv, by_path.masks->layer(0), portable, dropout)),
          2e-6)
          << pattern;
    }
  }
}

TEST(Paths, AreRefusedWhereTheyCannotExpressAMask) {
  MaskCache cache;
  const Plan plan = Plan::Resolve("random(2)", {1, 2, 64}).value();
  for (PathChoice path : {PathChoice::kDense, PathChoice::kBlock, PathChoice::kWindow}) {
    EXPECT_FALSE(MaskPlan::Make(plan, {1, path, {}, {}}, {20}, cache).ok());
  }
  auto refused = MaskPlan::Make(plan, {1, PathChoice::kBlock, {}, {}}, {20}, cache);
  EXPECT_EQ(refused.status().message(),
            "path block cannot express random(2) (layer 0 head 0); leave the path to auto");
}

}  // namespace
}  // namespace sparsweep
