// exact=hf against what transformers itself attended to (golden/bigbird_hf.py).
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "core/bigbird_block.h"
#include "core/numpy_random.h"
#include "core/plan.h"
#include "core/sha256.h"
#include "tests/core/golden_lines.h"

namespace sparsweep {
namespace {

constexpr char kGolden[] = "bigbird_hf.txt";

std::string Skip(std::istringstream& line) {
  std::string word;
  line >> word;
  return word;
}

// One character a block, '0' + count, rows apart by a slash.
std::string CountsText(const BlockWeights& weights) {
  std::string text;
  for (int row = 0; row < weights.blocks; ++row) {
    if (row > 0) text += '/';
    for (int column = 0; column < weights.blocks; ++column) {
      text += static_cast<char>('0' + weights.at(row, column));
    }
  }
  return text;
}

TEST(BigBirdGolden, IsTheFileThatTheScriptMade) {
  const std::string text = GoldenText(kGolden);
  const std::string label = "# sha256 of the lines below: ";
  const size_t at = text.find(label);
  ASSERT_NE(at, std::string::npos);
  const size_t end = text.find('\n', at);
  EXPECT_EQ(text.substr(at + label.size(), 64), Sha256Hex(text.substr(end + 1)));
}

TEST(NumpyRandom, PermutesAsNumpyDoes) {
  auto lines = GoldenLines(kGolden, "permutation");
  ASSERT_EQ(lines.size(), 7u);
  for (auto& line : lines) {
    uint32_t seed = 0;
    int n = 0;
    line >> seed >> n;
    ASSERT_EQ(Skip(line), ";");
    std::vector<int> ascending, expected;
    for (int i = 0; i < n; ++i) ascending.push_back(i);
    for (int value; line >> value;) expected.push_back(value);
    EXPECT_EQ(NumpyRandom(seed).Permutation(ascending), expected) << line.str();
  }
}

TEST(BigBirdExactHf, TurnsToFullAttentionWhereTheLibraryDoes) {
  auto lines = GoldenLines(kGolden, "kind");
  ASSERT_EQ(lines.size(), 6u);
  for (auto& line : lines) {
    BigBirdBlock pattern{.exact = Exact::kHf};
    int n = 0;
    line >> pattern.block >> pattern.r >> n;
    EXPECT_EQ(IsFullAttention(pattern, n), Skip(line) == "original_full") << line.str();
  }
}

TEST(BigBirdExactHf, CountsBlocksAsTheLibraryDoes) {
  auto lines = GoldenLines(kGolden, "counts");
  ASSERT_GT(lines.size(), 200u);
  int repeated = 0;
  for (auto& line : lines) {
    // eval=draw runs in evaluation what the library runs in training.
    BigBirdBlock pattern{.exact = Exact::kHf};
    MaskContext context;
    int n = 0;
    line >> pattern.block >> pattern.r >> pattern.max_positions >> context.heads >> context.layer >>
        n;
    const std::string phase = Skip(line);
    line >> context.head;
    ASSERT_EQ(Skip(line), ";");
    const std::string expected = Skip(line);
    context.phase = phase == "training" ? Phase::kTraining : Phase::kEvaluation;
    const BlockWeights weights = BlockMultiplicity(pattern, n, context);
    const std::string text = CountsText(weights);
    EXPECT_EQ(Sha256Hex(text), expected) << line.str() << "\n" << text;
    if (context.phase == Phase::kTraining) {
      pattern.eval = Eval::kDraw;
      context.phase = Phase::kEvaluation;
      EXPECT_EQ(CountsText(BlockMultiplicity(pattern, n, context)), text);
      repeated += text.find('2') != std::string::npos;
    }
  }
  EXPECT_GT(repeated, 20) << "some lists name what is attended to already";
}

TEST(BigBirdExactHf, MaskIsTheSetOfWhatCounts) {
  for (const int n : {57, 60, 64, 127}) {
    for (const Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
      const BigBirdBlock pattern{8, 1, Exact::kHf, 512, Eval::kZeros};
      MaskContext context{0, 4, 2, 512, 5};
      context.phase = phase;
      const BlockWeights weights = BlockMultiplicity(pattern, n, context);
      const Mask mask = BuildMask({pattern}, n, context);
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) ASSERT_EQ(mask.at(i, j), weights.at(i / 8, j / 8) > 0);
      }
    }
  }
}

TEST(BigBirdExactHf, IsRefusedWhereTheLibraryCannotRunIt) {
  auto lines = GoldenLines(kGolden, "unable");
  ASSERT_EQ(lines.size(), 3u);
  for (auto& line : lines) {
    BigBirdBlock pattern{.exact = Exact::kHf};
    int n = 0;
    line >> pattern.block >> pattern.r >> pattern.max_positions >> n;
    EXPECT_NE(RefuseBigBirdBlock(pattern, {12, 12, n}), "") << line.str();
    pattern.exact = Exact::kSet;
    EXPECT_EQ(RefuseBigBirdBlock(pattern, {12, 12, n}), "");
  }
  const auto sentence = [](const std::string& text, int max_length) {
    const auto plan = Plan::Resolve(text, {12, 12, max_length});
    const std::string answer = plan.ok() ? plan->canonical() : plan.status().message();
    return answer.substr(0, answer.find('\n'));
  };
  EXPECT_EQ(sentence("bigbird_block(256, r=1, exact=hf)", 4096),
            "transformers cannot run it at 3072 tokens: block row 2 has 0 random blocks to choose "
            "from, not r = 1; use smaller blocks, a smaller r or exact=set");
  EXPECT_EQ(sentence("bigbird_block(256, r=1, exact=hf)", 2816),
            "bigbird_block(block=256, r=1, exact=hf)");
  EXPECT_EQ(sentence("bigbird_block(exact=hf, max_positions=512)", 1024),
            "max_positions 512 is smaller than the 1024 tokens that texts of max_length 1024 are "
            "padded to; give the number of positions of the model");
  EXPECT_EQ(sentence("bigbird_block(exact=hf, max_positions=1000)", 1000),
            "max_positions 1000 is smaller than the 1024 tokens that texts of max_length 1000 are "
            "padded to; give the number of positions of the model");
  EXPECT_EQ(sentence("bigbird_block(exact=hf, max_positions=1000)", 960),
            "bigbird_block(exact=hf)");
  EXPECT_EQ(sentence("bigbird_block(exact=hf, max_positions=100000)", 1024),
            "max_positions must be at most 16384 with exact=hf");
}

TEST(BigBirdExactHf, DependsOnLayerAndHeadAndNotOnTheMaskSeed) {
  const Pattern pattern{BigBirdBlock{16, 3, Exact::kHf, 4096, Eval::kZeros}};
  const auto at = [&](uint64_t seed, int layer, int head) {
    return BuildMask(pattern, 400, {seed, layer, head, 512, 12});
  };
  EXPECT_EQ(at(1, 0, 0), at(2, 0, 0));
  EXPECT_NE(at(1, 0, 0), at(1, 1, 0));
  EXPECT_NE(at(1, 0, 0), at(1, 0, 1));
}

}  // namespace
}  // namespace sparsweep
