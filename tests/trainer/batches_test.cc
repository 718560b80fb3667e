// The order of examples and what a batch holds.
#include "trainer/batches.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace sparsweep {
namespace {

std::vector<int> Lengths(int count) {
  std::vector<int> lengths(count);
  for (int i = 0; i < count; ++i) lengths[i] = 3 + i * 7 % 40;
  return lengths;
}

TEST(TrainOrder, UsesEveryExampleOnceInBatchesOfNearlyEqualLength) {
  const auto lengths = Lengths(1003);
  const BatchOrder order = TrainOrder(lengths, 8, 1, 0);
  EXPECT_EQ(order.size(), 126u);
  std::vector<int64_t> all;
  int64_t padding = 0;
  for (const auto& batch : order) {
    all.insert(all.end(), batch.begin(), batch.end());
    for (int64_t i : batch) padding += lengths[batch[0]] - lengths[i];  // longest first
    EXPECT_TRUE(
        std::ranges::is_sorted(batch, std::greater(), [&](int64_t i) { return lengths[i]; }));
  }
  std::ranges::sort(all);
  std::vector<int64_t> expected(1003);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
  EXPECT_LT(padding, 1003) << "less than one token of padding per example";
}

TEST(TrainOrder, IsAFunctionOfSeedAndEpoch) {
  const auto lengths = Lengths(100);
  EXPECT_EQ(TrainOrder(lengths, 8, 1, 0), TrainOrder(lengths, 8, 1, 0));
  EXPECT_NE(TrainOrder(lengths, 8, 1, 0), TrainOrder(lengths, 8, 1, 1));
  EXPECT_NE(TrainOrder(lengths, 8, 1, 0), TrainOrder(lengths, 8, 2, 0));
}

TEST(EvalOrder, SortsByLength) {
  EXPECT_EQ(EvalOrder({5, 2, 9, 2}, 3), (BatchOrder{{1, 3, 0}, {2}}));
}

TEST(MakeBatch, PadsToTheLongest) {
  TokenizedSplit split;
  split.ids = {7, 8, 9, 5};
  split.types = {0, 1, 1, 0};
  split.begin = {0, 3, 4};
  split.labels = {1, 0};
  Batch batch = MakeBatch(split, {1, 0}, at::kCPU);
  EXPECT_EQ(batch.lengths, (std::vector{1, 3}));
  EXPECT_EQ(batch.padded, 3);
  EXPECT_TRUE(at::equal(batch.ids, at::tensor({5, 0, 0, 7, 8, 9}, at::kLong).view({2, 3})));
  EXPECT_TRUE(at::equal(batch.types, at::tensor({0, 0, 0, 0, 1, 1}, at::kLong).view({2, 3})));
  EXPECT_TRUE(at::equal(batch.labels, at::tensor({0, 1}, at::kLong)));
}

}  // namespace
}  // namespace sparsweep
