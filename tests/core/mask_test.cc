// Masks of single patterns by picture, by hash, and against pattern_oracle.h entry by entry.
#include "core/mask.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/plan.h"
#include "core/sha256.h"
#include "tests/core/pattern_oracle.h"

namespace sparsweep {
namespace {

// The mask of head 0 of a one-layer model, as written (not in canonical form).
Mask Of(const Pattern& pattern, int n) { return BuildMask(pattern, n, {0, 0, 0, n}); }

std::string Picture(const Mask& mask) {
  std::string text;
  for (int i = 0; i < mask.length(); ++i) {
    for (int j = 0; j < mask.length(); ++j) text += mask.at(i, j) ? 'x' : '.';
    text += '\n';
  }
  return text;
}

TEST(Mask, OfWindowKeepsNeighboursOnBothSides) {
  EXPECT_EQ(Picture(Of({Window{1, 1}}, 4)), "xx..\nxxx.\n.xxx\n..xx\n");
  EXPECT_EQ(Picture(Of({Window{1, 2}}, 4)), "x.x.\n.x.x\nx.x.\n.x.x\n");
}

TEST(Mask, OfGlobalKeepsRowsColumnsAndTheDiagonal) {
  EXPECT_EQ(Picture(Of({Global{1}}, 4)), "xxxx\nxx..\nx.x.\nx..x\n");
}

TEST(Mask, OfBlockKeepsOneKeyBlockPerQueryBlock) {
  EXPECT_EQ(Picture(Of({Block{2, 0}}, 4)), "xx..\nxx..\n..xx\n..xx\n");
  EXPECT_EQ(Picture(Of({Block{2, 1}}, 4)), "..xx\n..xx\nxx..\nxx..\n");
  // Blocks of ceil(5/3) = 2 tokens: the last is short.
  EXPECT_EQ(Picture(Of({Block{3, 1}}, 5)), "..xx.\n..xx.\n....x\n....x\nxx...\n");
}

TEST(Mask, OfBlockOverTheMaximalLengthMayBeEmpty) {
  const Mask mask = BuildMask({Block{2, 1, Over::kMax}}, 3, {0, 0, 0, 8});
  EXPECT_EQ(mask.kept(), 0);
  EXPECT_EQ(mask.empty_rows(), 3);
  EXPECT_EQ(BuildMask({Block{2, 0, Over::kMax}}, 3, {0, 0, 0, 8}).kept(), 9);
}

TEST(Mask, OfBlockHasDensityOneOverNWhereNDivides) {
  for (const int n : {2, 3, 4}) EXPECT_DOUBLE_EQ(Of({Block{n, 1}}, 12 * n).density(), 1.0 / n);
}

TEST(Mask, OfStridedKeepsNeighboursAndEveryLthToken) {
  EXPECT_EQ(Picture(Of({Strided{2}}, 6)), "xxx.x.\nxxxx.x\nxxxxx.\n.xxxxx\nx.xxxx\n.x.xxx\n");
}

TEST(Mask, OfFixedKeepsTheBlockAndItsColumns) {
  EXPECT_EQ(Picture(Of({Fixed{3, 1}}, 7)),
            "xxx..x.\nxxx..x.\nxxx..x.\n..xxxx.\n..xxxx.\n..xxxx.\n..x..xx\n");
}

// Row 3 is the first of its block and looks at the block before.
TEST(Mask, OfFairseqFixedKeepsTheBlockItsEndAndTheColumns) {
  EXPECT_EQ(Picture(Of({FairseqFixed{3, 1}}, 7)),
            "xxxx.xx\nxxxx.xx\nxxxx.xx\nxxxx.xx\n..xxxxx\n..xxxxx\n..xxxxx\n");
}

TEST(Mask, OfFairseqFixedHasTheDensitiesOfSparseBert) {
  const auto density = [](int n, int l, int c) {
    return std::round(Of({FairseqFixed{l, c}}, n).density() * 1e4) / 1e4;
  };
  EXPECT_EQ(density(512, 128, 32), 0.4419);
  EXPECT_EQ(density(1024, 128, 32), 0.3497);
  EXPECT_EQ(density(512, 32, 8), 0.3243);
  EXPECT_EQ(density(128, 32, 8), 0.4551);
}

TEST(Mask, OfBigBirdBlockKeepsEdgesAndNeighboursOfBlocks) {
  EXPECT_EQ(Picture(Of({BigBirdBlock{1, 0}}, 6)),
            "xxxxxx\nxxx..x\nxxxx.x\nx.xxxx\nx..xxx\nxxxxxx\n");
  // Two tokens a block; the last block is half padding.
  EXPECT_EQ(Picture(Of({BigBirdBlock{2, 0}}, 9)),
            "xxxxxxxxx\nxxxxxxxxx\nxxxxxx..x\nxxxxxx..x\nxxxxxxxxx\nxxxxxxxxx\nxx..xxxxx\n"
            "xx..xxxxx\nxxxxxxxxx\n");
}

TEST(Mask, OfBigBirdBlockDrawsOnlyWhatItDoesNotKeep) {
  for (const int r : {0, 1, 3, 20}) {
    const Mask mask = Of({BigBirdBlock{1, r}}, 12);
    for (int i = 1; i < 11; ++i) {
      int kept = 0;
      for (int j = 0; j < 12; ++j) kept += mask.at(i, j);
      const int always = i == 1 || i == 10 ? 4 : 5;
      EXPECT_EQ(kept, std::min(12, always + r)) << r << " in row " << i;
    }
  }
}

TEST(Mask, CountsEmptyRows) {
  const Pattern both{Intersection{{{Self{}}, {Block{2, 1}}}}};
  EXPECT_EQ(Of(both, 6).kept(), 0);
  EXPECT_EQ(Of(both, 6).empty_rows(), 6);
  EXPECT_EQ(Of(both, 6).density(), 0);
  EXPECT_EQ(Of({Self{}}, 6).empty_rows(), 0);
}

// N = 3: rows xx. xxx .xx are bits 1 1 0 1 1 1 0 1 | 1: bytes bb 01. The expectation was made with
// printf '\x03\0\0\0\xbb\x01' | sha256sum.
TEST(Mask, HashIsOfLengthAndRowsWithoutGaps) {
  EXPECT_EQ(Hex(Of({Window{1, 1}}, 3).Sha256()),
            "ab7249ede2306e21493bcc7f936dd4701456a3c0a9ef7ebc23b4a569fdf64936");
}

TEST(Mask, HashOfRowsOfWholeWordsIsTheSameStream) {
  for (const int n : {63, 64, 65, 128, 130}) {
    const Mask mask = Of({Window{5, 3}}, n);
    std::string bytes{static_cast<char>(n), 0, 0, 0};
    if (n >= 128) bytes[0] = static_cast<char>(n & 255);
    std::string bits((n * n + 7) / 8, '\0');
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        const int at = i * n + j;
        if (mask.at(i, j)) bits[at / 8] = static_cast<char>(bits[at / 8] | (1 << (at % 8)));
      }
    }
    EXPECT_EQ(mask.Sha256(), Sha256(bytes + bits)) << n;
  }
}

TEST(Mask, RowHexHasTheLeastSignificantBitFirst) {
  const Mask mask = Of({Global{1}}, 12);
  EXPECT_EQ(mask.RowHex(0), "ff0f");
  EXPECT_EQ(mask.RowHex(1), "0300");
  EXPECT_EQ(mask.RowHex(11), "0108");
}

TEST(Mask, OfNothingKeptEqualsItself) {
  EXPECT_EQ(Mask(0).kept(), 0);
  EXPECT_EQ(Mask(0).density(), 0);
  EXPECT_EQ(Mask(5), Mask(5));
  EXPECT_NE(Mask(5), Mask(6));
}

TEST(Mask, OfEveryPatternIsThatOfItsDefinition) {
  oracle::Dice dice(1);
  for (int round = 0; round < 3000; ++round) {
    const Pattern pattern = dice.AnyPattern(4, 2);
    const int n = 1 + dice.Below(24);
    const MaskContext context =
        oracle::ContextOf(uint64_t(dice.Below(1000)) << dice.Below(40), dice.Below(12),
                          dice.Below(4), n + dice.Below(20));
    const Mask mask = BuildMask(pattern, n, context);
    ASSERT_TRUE(oracle::Same(mask, oracle::Build(pattern, n, context)))
        << ToText(pattern) << " at length " << n << "\n"
        << Picture(mask);
  }
}

// Widths around word boundaries, once each.
TEST(Mask, OfEveryPatternIsThatOfItsDefinitionAcrossWords) {
  oracle::Dice dice(2);
  for (const int n : {63, 64, 65, 127, 128, 129, 200}) {
    for (int round = 0; round < 12; ++round) {
      Pattern pattern = dice.AnyPattern(4, 1);
      const MaskContext context = oracle::ContextOf(3, 1, dice.Below(4), n + dice.Below(70));
      ASSERT_TRUE(oracle::Same(BuildMask(pattern, n, context), oracle::Build(pattern, n, context)))
          << ToText(pattern) << " at length " << n;
    }
  }
}

TEST(Mask, DegreeByDensityIsTheClosestTiesToTheSmaller) {
  const auto degree_kept = [](const std::string& text, int n) {
    return Of(Plan::Resolve(text, {1, 1, n})->at(0, 0), n).kept();
  };
  // N = 4: self keeps 4, window(1) 10, window(2) 14, window(3) 16 of 16.
  EXPECT_EQ(degree_kept("window(density=0.4375)", 4), 4) << "7/16 is halfway between 4 and 10";
  EXPECT_EQ(degree_kept("window(density=0.4376)", 4), 10);
  EXPECT_EQ(degree_kept("window(density=0.75)", 4), 10) << "12/16 is halfway between 10 and 14";
  EXPECT_EQ(degree_kept("window(density=0.99)", 4), 16);
  // N = 10: random(2) keeps 30, random(3) 40; 0.35 has no exact binary form and is still a tie.
  EXPECT_EQ(degree_kept("random(density=0.35)", 10), 30);
  EXPECT_EQ(degree_kept("random(density=0.350000000000000001)", 10), 40);
  // It concerns that term alone, not the union it stands in.
  EXPECT_EQ(degree_kept("random(density=0.35) & random(9)", 10), 30);
}

TEST(Mask, OfBlockBertSelectsByHead) {
  const Pattern pattern{BlockBert{{2, 0, 1}, Over::kReal}};
  const auto at = [&](int head) { return BuildMask(pattern, 9, {0, 0, head, 9}); };
  EXPECT_EQ(at(0), Of({Block{3, 0}}, 9));
  EXPECT_EQ(at(1), Of({Block{3, 0}}, 9));
  EXPECT_EQ(at(2), Of({Block{3, 2}}, 9));
}

}  // namespace
}  // namespace sparsweep
