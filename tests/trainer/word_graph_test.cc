// Words, pieces and trees: masks of `syntax` for sentences whose trees are known by hand.
#include "trainer/word_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace sparsweep {
namespace {

using testing::ElementsAre;

// One row of 0 and 1 per token.
std::vector<std::string> Bits(const Mask& mask) {
  std::vector<std::string> rows;
  for (int i = 0; i < mask.length(); ++i) {
    std::string row;
    for (int j = 0; j < mask.length(); ++j) row += mask.at(i, j) ? '1' : '0';
    rows.push_back(row);
  }
  return rows;
}

std::vector<std::string> Syntax(const WordGraph& graph, const TokenOffsets& tokens, int hops) {
  const WordTokens by_word(tokens, graph.words);
  Mask mask(by_word.length());
  KeepSyntax(graph, by_word, hops, &mask);
  return Bits(mask);
}

// [CLS], a token at every begin, [SEP].
TokenOffsets Tokens(const std::vector<uint32_t>& begins) {
  TokenOffsets tokens{{-1}, {0}};
  for (uint32_t begin : begins) {
    tokens.segment.push_back(0);
    tokens.begin.push_back(begin);
  }
  tokens.segment.push_back(-1);
  tokens.begin.push_back(0);
  return tokens;
}

// "the cat sat": cat <- the, sat <- cat, sat is the root.
ParsedText TheCatSat() {
  ParsedText text;
  text.words = {{0, 3}, {4, 7}, {8, 11}};
  text.edges = {{1, 0}, {2, 1}};
  text.roots = {2};
  return text;
}

TEST(WordTokens, APieceBelongsToTheWordOfItsFirstCharacter) {
  // Words [0,3) [3,6) and, after a gap, [8,9); pieces may reach over word ends.
  const std::vector<Word> words = {{0, 0, 3}, {0, 3, 6}, {0, 8, 9}, {1, 0, 4}};
  TokenOffsets tokens{{-1, 0, 0, 0, 0, 0, 0, -1, 1, 1, -1}, {0, 0, 2, 3, 6, 7, 8, 0, 0, 4, 0}};
  const WordTokens by_word(tokens, words);
  std::vector<int> word;
  for (int i = 0; i < by_word.length(); ++i) word.push_back(by_word.word(i));
  EXPECT_THAT(word, ElementsAre(-1, 0, 0, 1, -1, -1, 2, -1, 3, -1, -1));
  EXPECT_THAT(by_word.tokens(0), ElementsAre(1, 2));
  EXPECT_TRUE(by_word.has_cls());
}

TEST(Syntax, KeepsPairsOfOneHopAndClsForTheRoot) {
  const ParsedText text = TheCatSat();
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 4, 8}), 1),
              ElementsAre("10010",  // [CLS]: itself and the root word
                          "01100",  // the: cat
                          "01110",  // cat: the, sat
                          "10110",  // sat: cat, ROOT
                          "00001")  // [SEP]
  );
}

TEST(Syntax, TwoHopsLeadOverWordsAndOverTheRoot) {
  const ParsedText text = TheCatSat();
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 4, 8}), 2),
              ElementsAre("10110", "01110", "11110", "11110", "00001"));
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 4, 8}), 0),
              ElementsAre("10000", "01000", "00100", "00010", "00001"));
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 4, 8}), 9),
              ElementsAre("11110", "11110", "11110", "11110", "00001"));
}

TEST(Syntax, KeepsAllPairsOfPiecesAndPiecesOfOneWordEachOther) {
  const ParsedText text = TheCatSat();  // "cat" in two pieces, "sat" in two
  EXPECT_THAT(
      Syntax(WordGraph({&text}), Tokens({0, 4, 6, 8, 9}), 1),
      ElementsAre("1000110", "0111000", "0111110", "0111110", "1011110", "1011110", "0000001"));
}

TEST(Syntax, WordsThatTruncationCutOffDropOutButLeadOn) {
  // cat - the, cat - sat, where the tokens of "cat" are gone: two hops still join the others.
  ParsedText text = TheCatSat();
  TokenOffsets tokens = Tokens({0, 8});
  EXPECT_THAT(Syntax(WordGraph({&text}), tokens, 1), ElementsAre("1010", "0100", "1010", "0001"));
  EXPECT_THAT(Syntax(WordGraph({&text}), tokens, 2), ElementsAre("1010", "0110", "1110", "0001"));
  // The tail cut off: "sat" has no token left, so ROOT joins nothing within two hops but "cat".
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 4}), 2),
              ElementsAre("1010", "0110", "1110", "0001"));
}

TEST(Syntax, TwoSegmentsAreTwoTreesUnderOneRoot) {
  ParsedText first, second;
  first.words = {{0, 1}, {2, 3}};
  first.edges = {{0, 1}};
  first.roots = {0};
  second.words = {{0, 1}, {2, 3}};
  second.edges = {{1, 0}};
  second.roots = {1};
  const WordGraph graph({&first, &second});
  // [CLS] a b [SEP] c d [SEP]
  const TokenOffsets tokens{{-1, 0, 0, -1, 1, 1, -1}, {0, 0, 2, 0, 0, 2, 0}};
  EXPECT_THAT(Syntax(graph, tokens, 1), ElementsAre("1100010", "1110000", "0110000", "0001000",
                                                    "0000110", "1000110", "0000001"));
  EXPECT_THAT(
      Syntax(graph, tokens, 2),  // a and d meet in ROOT, all reach [CLS]
      ElementsAre("1110110", "1110010", "1110000", "0001000", "1000110", "1100110", "0000001"));
}

TEST(Syntax, SentencesOfOneTextHangFromTheSameRoot) {
  ParsedText sentence, text;
  sentence.words = {{0, 1}};
  sentence.roots = {0};
  sentence.sentences = sentence.parsed = 1;
  text.Append(sentence, 0);
  text.Append(sentence, 2);
  EXPECT_THAT(text.words, ElementsAre(ParsedText::Span{0, 1}, ParsedText::Span{2, 3}));
  EXPECT_EQ(text.sentences, 2);
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 2}), 1),
              ElementsAre("1110", "1100", "1010", "0001"));
  EXPECT_THAT(Syntax(WordGraph({&text}), Tokens({0, 2}), 2),
              ElementsAre("1110", "1110", "1110", "0001"));
}

// Against a plain rule: tokens are kept if their nodes are at most `hops` apart by Floyd-Warshall.
TEST(Syntax, EqualsAllPairsDistancesOnRandomTrees) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const int words = 1 + static_cast<int>(random() % 12), hops = static_cast<int>(random() % 5);
    ParsedText text;
    TokenOffsets tokens{{-1}, {0}};
    std::vector<int> node = {words};  // of each token; -1: none
    std::vector<std::vector<int>> far(words + 1, std::vector<int>(words + 1, 1000));
    for (int w = 0; w < words; ++w) {
      const auto begin = static_cast<uint32_t>(10 * w);
      text.words.push_back({begin, begin + 9});
      const int head = w == 0 ? words : static_cast<int>(random() % (w + 1));
      far[w][w] = 0;
      if (head == words || head == w) {
        text.roots.push_back(w);
        far[w][words] = far[words][w] = 1;
      } else {
        text.edges.emplace_back(head, w);
        far[w][head] = far[head][w] = 1;
      }
      for (unsigned piece = 0, pieces = random() % 4; piece < pieces; ++piece) {
        tokens.segment.push_back(0);
        tokens.begin.push_back(begin + piece);
        node.push_back(w);
      }
    }
    far[words][words] = 0;
    tokens.segment.push_back(-1);
    tokens.begin.push_back(0);
    node.push_back(-1);
    for (int k = 0; k <= words; ++k) {
      for (int i = 0; i <= words; ++i) {
        for (int j = 0; j <= words; ++j) far[i][j] = std::min(far[i][j], far[i][k] + far[k][j]);
      }
    }
    std::vector<std::string> expected;
    for (size_t i = 0; i < node.size(); ++i) {
      std::string row;
      for (size_t j = 0; j < node.size(); ++j) {
        row +=
            i == j || (node[i] >= 0 && node[j] >= 0 && far[node[i]][node[j]] <= hops) ? '1' : '0';
      }
      expected.push_back(row);
    }
    ASSERT_EQ(Syntax(WordGraph({&text}), tokens, hops), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace sparsweep
