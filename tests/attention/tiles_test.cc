// Tiles as lists: by_key is the transpose of by_query on every path, absent tiles are not listed,
// and what a path computes is counted from them.
#include "attention/tiles.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "attention/attention.h"
#include "core/plan.h"

namespace sparsweep {
namespace {

// [rows x columns] of a part, as one of its lists says.
std::vector<std::vector<bool>> Kept(const Tiles& tiles, const Tiles::Part& part,
                                    const Tiles::Lists& lists) {
  std::vector<std::vector<bool>> kept(part.count, std::vector<bool>(part.count));
  for (const Tiles::Strip& strip : lists.strips) {
    for (int e = strip.first; e < strip.last; ++e) {
      const Tiles::Entry& entry = lists.entries[e];
      for (int r = 0; r < strip.count; ++r) {
        for (int c = 0; c < entry.count; ++c) {
          const bool keeps = entry.bits < 0 || (tiles.bits[entry.bits][r] >> c & 1);
          if (keeps) kept[strip.begin + r][entry.begin + c] = true;
        }
      }
    }
  }
  return kept;
}

Tiles OfMask(const std::string& pattern, int length) {
  const Plan plan = Plan::Resolve(pattern, {1, 1, 512}).value();
  return MaskTiles(BuildMask(plan.at(0, 0), length, {5, 0, 0, 512}));
}

void ExpectTransposed(const Tiles& tiles, const std::string& what) {
  for (const Tiles::Part& part : tiles.parts) {
    const auto by_query = Kept(tiles, part, part.by_query);
    const auto by_key = Kept(tiles, part, part.by_key);
    for (int i = 0; i < part.count; ++i) {
      for (int j = 0; j < part.count; ++j) {
        ASSERT_EQ(by_query[i][j], by_key[j][i]) << what << " " << i << " " << j;
      }
    }
  }
}

TEST(Tiles, ByKeyIsTheTransposeOfByQuery) {
  for (int length : {1, 63, 64, 65, 130, 200}) {
    const std::string at = " at " + std::to_string(length);
    ExpectTransposed(DenseTiles(length), "dense" + at);
    for (int shift : {0, 1, 2}) {
      ExpectTransposed(BlockTiles(length, 3, (length + 2) / 3, shift), "block" + at);
    }
    for (int dilation : {1, 3}) ExpectTransposed(WindowTiles(length, 20, dilation), "window" + at);
    for (const char* pattern : {"random(3)", "global(2) + window(1)", "block(3, shift=1)"}) {
      ExpectTransposed(OfMask(pattern, length), pattern + at);
    }
  }
}

TEST(Tiles, OfAMaskListItsEntriesAndNoEmptyTile) {
  const Plan plan = Plan::Resolve("global(1) + window(3)", {1, 1, 512}).value();
  const Mask mask = BuildMask(plan.at(0, 0), 200, {0, 0, 0, 512});
  const Tiles tiles = MaskTiles(mask);
  const auto kept = Kept(tiles, tiles.parts[0], tiles.parts[0].by_query);
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 200; ++j) ASSERT_EQ(kept[i][j], mask.at(i, j)) << i << " " << j;
  }
  // Rows of tiles 0..3: all; {0, 1, 2}; all; {0, 2, 3}. Of tile (2, 0) the column of token 0 is
  // kept.
  std::vector<int> listed;
  for (const Tiles::Strip& strip : tiles.parts[0].by_query.strips) {
    listed.push_back(strip.last - strip.first);
  }
  EXPECT_EQ(listed, (std::vector{4, 3, 4, 3}));
}

TEST(Tiles, WholeTilesAreOneRangeWithoutABitmap) {
  const Tiles tiles = OfMask("block(2)", 256);
  ASSERT_EQ(tiles.parts[0].by_query.entries.size(), 4u) << "one for each strip of 64 rows";
  EXPECT_EQ(tiles.parts[0].by_query.entries[0], (Tiles::Entry{0, 128}));
  EXPECT_TRUE(tiles.bits.empty());
}

TEST(Tiles, TransposeTurnsRowsIntoColumns) {
  Tiles::Bits bits{};
  bits[3] = uint64_t{1} << 60;
  bits[63] = 1;
  const Tiles::Bits turned = Transposed(bits);
  EXPECT_EQ(turned[60], uint64_t{1} << 3);
  EXPECT_EQ(turned[0], uint64_t{1} << 63);
  EXPECT_EQ(Transposed(turned), bits);
}

// What one text of `length` takes, one head of 16.
double FlopsOf(const std::string& pattern, int length, PathChoice path,
               Implementation how = Implementation::kAuto, int padded = 0,
               bool differentiated = true) {
  MaskCache cache;
  const Plan plan = Plan::Resolve(pattern, {1, 1, 512}).value();
  const auto masks = MaskPlan::Make(plan, {5, path, {}, {}}, {length}, cache).value();
  if (padded == 0) padded = length + 3;
  AttentionBatch batch({length}, padded, how);
  Attend(at::zeros({1, padded, 48}).requires_grad_(differentiated), masks->layer(0), batch, {});
  return batch.flops();
}

constexpr double kPerEntry = 2 * 16;  // a multiplication and an addition for each of 16 numbers

TEST(Flops, AreThoseOfTheEntriesThatThePathComputes) {
  // Dense: every pair of real tokens, two products forward and four backward.
  EXPECT_EQ(FlopsOf("dense", 20, PathChoice::kDense), 6 * kPerEntry * 20 * 20);
  // Where 200 x 200 probabilities are not saved, Q K^T is computed once more.
  EXPECT_EQ(FlopsOf("dense", 200, PathChoice::kDense), 7 * kPerEntry * 200 * 200);
  // Blocks: two of 64 x 64.
  EXPECT_EQ(FlopsOf("block(2)", 128, PathChoice::kBlock), 6 * kPerEntry * 2 * 64 * 64);
  // A band: 64 rows meet 65 columns, at either end.
  EXPECT_EQ(FlopsOf("window(1)", 128, PathChoice::kWindow), 6 * kPerEntry * 2 * 64 * 65);
  // Masked: all four tiles hold an entry, so all are computed; of block(2) two are absent.
  EXPECT_EQ(FlopsOf("window(1)", 128, PathChoice::kMasked), 6 * kPerEntry * 128 * 128);
  EXPECT_EQ(FlopsOf("block(2)", 128, PathChoice::kMasked), 6 * kPerEntry * 2 * 64 * 64);
}

TEST(Flops, WithoutABackwardPassAreTwoProducts) {
  for (const auto how : {Implementation::kAuto, Implementation::kPortable}) {
    EXPECT_EQ(FlopsOf("dense", 20, PathChoice::kDense, how, 20, false), 2 * kPerEntry * 20 * 20);
    const at::NoGradGuard first_of_two_passes;
    EXPECT_EQ(FlopsOf("dense", 200, PathChoice::kDense, how, 200), 2 * kPerEntry * 200 * 200);
  }
}

TEST(Flops, OfLibTorchsOperatorsCountThePaddingThatTheyCompute) {
  const auto portable = Implementation::kPortable;
  EXPECT_EQ(FlopsOf("dense", 20, PathChoice::kDense, portable, 22), 6 * kPerEntry * 22 * 22);
  EXPECT_EQ(FlopsOf("window(1)", 20, PathChoice::kMasked, portable, 22), 6 * kPerEntry * 22 * 22);
  EXPECT_EQ(FlopsOf("block(2)", 20, PathChoice::kBlock, portable, 22), 6 * kPerEntry * 2 * 10 * 10);
}

}  // namespace
}  // namespace sparsweep
