// Masks of `lexical` against a plain oracle, and what the definition settles: ties, repeats, zeros.
#include "trainer/similarity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

namespace sparsweep {
namespace {

using testing::ElementsAre;

std::vector<std::string> Bits(const Mask& mask) {
  std::vector<std::string> rows;
  for (int i = 0; i < mask.length(); ++i) {
    std::string row;
    for (int j = 0; j < mask.length(); ++j) row += mask.at(i, j) ? '1' : '0';
    rows.push_back(row);
  }
  return rows;
}

// [CLS], `pieces[w]` tokens of word w, [SEP].
struct Input {
  explicit Input(const std::vector<int>& pieces) {
    offsets = {{-1}, {0}};
    node = {-1};
    for (size_t w = 0; w < pieces.size(); ++w) {
      const auto begin = static_cast<uint32_t>(10 * w);
      words.push_back({0, begin, begin + 9});
      for (int piece = 0; piece < pieces[w]; ++piece) {
        offsets.segment.push_back(0);
        offsets.begin.push_back(begin + static_cast<uint32_t>(piece));
        node.push_back(static_cast<int>(w));
      }
    }
    offsets.segment.push_back(-1);
    offsets.begin.push_back(0);
    node.push_back(-1);
  }
  WordTokens tokens() const { return WordTokens(offsets, words); }
  TokenOffsets offsets;
  std::vector<Word> words;
  std::vector<int> node;
};

std::vector<std::string> MostSimilar(const std::vector<float>& vectors, int width,
                                     const std::vector<int>& pieces, int k) {
  const Input input(pieces);
  Mask mask(static_cast<int>(input.node.size()));
  KeepMostSimilar(WordSimilarity(static_cast<int>(pieces.size()), width, vectors), input.tokens(),
                  k, &mask);
  return Bits(mask);
}

TEST(Lexical, KeepsTheMostSimilarWordsBothWays) {
  // Angles 0, 10, 50, 60 degrees: 0-1 and 2-3 are each other's nearest.
  std::vector<float> vectors;
  for (double angle : {0.0, 10.0, 50.0, 60.0}) {
    vectors.push_back(static_cast<float>(std::cos(angle * M_PI / 180)));
    vectors.push_back(static_cast<float>(std::sin(angle * M_PI / 180)));
  }
  EXPECT_THAT(MostSimilar(vectors, 2, {1, 1, 1, 1}, 1),
              ElementsAre("100000", "011000", "011000", "000110", "000110", "000001"));
  // Second nearest: 0 -> 2, 1 -> 2, 2 -> 1, 3 -> 1, and the other way round.
  EXPECT_THAT(MostSimilar(vectors, 2, {1, 1, 1, 1}, 2),
              ElementsAre("100000", "011100", "011110", "011110", "001110", "000001"));
  EXPECT_THAT(MostSimilar(vectors, 2, {1, 1, 1, 1}, 0),
              ElementsAre("100000", "010000", "001000", "000100", "000010", "000001"));
  EXPECT_THAT(MostSimilar(vectors, 2, {1, 1, 1, 1}, 99),
              ElementsAre("100000", "011110", "011110", "011110", "011110", "000001"));
}

TEST(Lexical, KeepsAllPairsOfPieces) {
  EXPECT_THAT(MostSimilar({1, 0, 1, 0.1F, 0, 1}, 2, {2, 1, 1}, 0),
              ElementsAre("100000", "011000", "011000", "000100", "000010", "000001"));
  EXPECT_THAT(MostSimilar({1, 0, 1, 0.1F, 0, 1}, 2, {2, 1, 1}, 1),  // 2 -> 1
              ElementsAre("100000", "011100", "011100", "011110", "000110", "000001"));
}

TEST(Lexical, TiesGoToTheLowerIndexAndRepeatedWordsCountPerPosition) {
  // a b a a: the nearest of each a is the first other a.
  EXPECT_THAT(MostSimilar({1, 0, 0.5F, 1, 1, 0, 1, 0}, 2, {1, 1, 1, 1}, 1),
              ElementsAre("100000", "011110", "011000", "010100", "010010", "000001"));
}

TEST(Lexical, AZeroVectorIsSimilarToNothing) {
  EXPECT_THAT(MostSimilar({0, 0, 1, 0, 0, 0, 0, 1}, 2, {1, 1, 1, 1}, 3),
              ElementsAre("100000", "010000", "001010", "000100", "001010", "000001"));
}

TEST(Lexical, AThresholdIsMetByEqualVectorsExactly) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-3, 3);
  for (int round = 0; round < 200; ++round) {
    const int width = 1 + static_cast<int>(random() % 40);
    std::vector<float> vectors(2 * width);
    for (int i = 0; i < width; ++i) vectors[i] = vectors[i + width] = uniform(random);
    EXPECT_EQ(WordSimilarity(2, width, vectors).cosine(0, 1), 1.0);
  }
  const Input input({1, 1, 1});
  const auto kept = [&](uint64_t units) {
    Mask mask(5);
    KeepSimilar(WordSimilarity(3, 2, {3, 4, 4, 3, 0, 0}), input.tokens(), Threshold{units}, &mask);
    return Bits(mask);
  };
  // The cosine of (3,4) and (4,3) is 0.96.
  EXPECT_THAT(kept(960'000'000'000'000'000),
              ElementsAre("10000", "01100", "01100", "00010", "00001"));
  EXPECT_THAT(kept(960'000'000'000'001'000),
              ElementsAre("10000", "01000", "00100", "00010", "00001"));
  EXPECT_THAT(kept(0), ElementsAre("10000", "01100", "01100", "00010", "00001"));
}

TEST(Lexical, OppositeVectorsAreOthersButNotAboveAThreshold) {
  EXPECT_THAT(MostSimilar({1, 0, -1, 0}, 2, {1, 1}, 1),
              ElementsAre("1000", "0110", "0110", "0001"));
  const Input input({1, 1});
  Mask mask(4);
  KeepSimilar(WordSimilarity(2, 2, {1, 0, -1, 0}), input.tokens(), Threshold{0}, &mask);
  EXPECT_THAT(Bits(mask), ElementsAre("1000", "0100", "0010", "0001"));
}

// Integer vectors, so that the oracle compares cosines exactly: sign(d) d^2 / (n1 n2), as
// fractions.
TEST(Lexical, EqualsThePlainRuleOnRandomWords) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    const int words = 1 + static_cast<int>(random() % 9),
              width = 1 + static_cast<int>(random() % 4);
    std::vector<int> values(words * width), pieces(words);
    std::vector<float> vectors(words * width);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<int>(random() % 5) - 2;
      vectors[i] = static_cast<float>(values[i]);
    }
    for (int w = 0; w < words; ++w) pieces[w] = 1 + static_cast<int>(random() % 3);
    const auto dot = [&](int a, int b) {
      int64_t sum = 0;
      for (int i = 0; i < width; ++i) sum += values[a * width + i] * values[b * width + i];
      return sum;
    };
    // cos(a, b) < cos(a, c), without roots: all have the factor 1 / |a|.
    const auto less = [&](int a, int b, int c) {
      const int64_t to_b = dot(a, b), to_c = dot(a, c);
      const int64_t left = (to_b < 0 ? -1 : 1) * to_b * to_b * dot(c, c);
      const int64_t right = (to_c < 0 ? -1 : 1) * to_c * to_c * dot(b, b);
      return left < right;
    };
    const int k = static_cast<int>(random() % 4);
    std::set<std::pair<int, int>> similar;
    for (int a = 0; a < words; ++a) {
      for (int b = 0; b < words; ++b) {
        if (a == b || dot(a, a) == 0 || dot(b, b) == 0) continue;
        int before = 0;  // others that come before b
        for (int c = 0; c < words; ++c) {
          if (c == a || c == b || dot(c, c) == 0) continue;
          before += less(a, b, c) || (!less(a, c, b) && c < b);
        }
        if (before < k) similar.insert({a, b}), similar.insert({b, a});
      }
    }
    const Input input(pieces);
    std::vector<std::string> expected;
    for (size_t i = 0; i < input.node.size(); ++i) {
      std::string row;
      for (size_t j = 0; j < input.node.size(); ++j) {
        const int a = input.node[i], b = input.node[j];
        row += i == j || (a >= 0 && b >= 0 && (a == b || similar.contains({a, b}))) ? '1' : '0';
      }
      expected.push_back(row);
    }
    ASSERT_EQ(MostSimilar(vectors, width, pieces, k), expected) << "round " << round;
  }
}

TEST(Lexical, ADensityChoosesTheClosestDegreeTiesToTheSmaller) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (int round = 0; round < 100; ++round) {
    const int words = 1 + static_cast<int>(random() % 8);
    std::vector<float> vectors(words * 3);
    for (float& value : vectors) value = random() % 7 == 0 ? 0 : uniform(random);
    std::vector<int> pieces(words);
    for (int& count : pieces) count = 1 + static_cast<int>(random() % 2);
    const Input input(pieces);
    const WordSimilarity similarity(words, 3, vectors);
    const int64_t n = static_cast<int64_t>(input.node.size());
    for (int hundredths = 0; hundredths <= 100; hundredths += 5) {
      int best = 0;
      int64_t closest = INT64_MAX;
      for (int k = 0; k <= words; ++k) {
        Mask mask(static_cast<int>(n));
        KeepMostSimilar(similarity, input.tokens(), k, &mask);
        const int64_t distance = std::abs(100 * mask.kept() - hundredths * n * n);
        if (distance < closest) closest = distance, best = k;
      }
      ASSERT_EQ(
          DegreeOfDensity(similarity, input.tokens(), Density{hundredths * (Density::kOne / 100)}),
          best)
          << "round " << round << " density " << hundredths;
    }
  }
}

TEST(Lexical, WordsWithoutTokensPlayNoPart) {
  // The caller gives such words zeros: the second word is the nearest of both others, and is gone.
  EXPECT_THAT(MostSimilar({1, 0, 0, 0, 0, 1}, 2, {1, 0, 1}, 1),
              ElementsAre("1000", "0110", "0110", "0001"));
}

}  // namespace
}  // namespace sparsweep
