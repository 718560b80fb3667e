// Treebanks against texts: what a sentence becomes, where its words lie, and every way in which a
// file does not fit its data.
#include "trainer/conllu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/trainer/models.h"

namespace sparsweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Edge = std::pair<int32_t, int32_t>;

// A sentence of words with their heads.
std::string Rows(const std::vector<std::pair<std::string, int>>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    text += std::to_string(i + 1) + "\t" + words[i].first + "\t_\t_\t_\t_\t" +
            std::to_string(words[i].second) + "\t_\t_\t_\n";
  }
  return text + "\n";
}

std::string Joined(const std::string& range, const std::string& form) {
  return range + "\t" + form + "\t_\t_\t_\t_\t_\t_\t_\t_\n";
}

ConlluAligner Aligner(const std::string& conllu) {
  auto sentences = ParseConllu("d.conllu", conllu);
  EXPECT_TRUE(sentences.ok()) << sentences.status().message();
  return ConlluAligner("d.conllu", *sentences);
}

std::string ParseError(const std::string& conllu) {
  auto sentences = ParseConllu("d.conllu", conllu);
  return sentences.ok() ? "none" : sentences.status().message();
}

std::vector<std::string> Forms(const std::string& text, const ParsedText& parsed) {
  std::vector<std::string> forms;
  for (const auto& word : parsed.words) {
    forms.push_back(text.substr(word.begin, word.end - word.begin));
  }
  return forms;
}

TEST(Conllu, ATextTakesItsSentencesInOrder) {
  const std::string text = "Dogs bark.  Why?";
  auto aligner = Aligner("# text = Dogs bark.\n" + Rows({{"Dogs", 2}, {"bark", 0}, {".", 2}}) +
                         Rows({{"Why", 0}, {"?", 1}}) + Rows({{"Next", 0}}));
  auto parsed = aligner.Take(text, "text 1");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(Forms(text, *parsed), ElementsAre("Dogs", "bark", ".", "Why", "?"));
  EXPECT_THAT(parsed->edges, ElementsAre(Edge(1, 0), Edge(1, 2), Edge(3, 4)));
  EXPECT_THAT(parsed->roots, ElementsAre(1, 3));
  EXPECT_EQ(parsed->sentences, 2);
  EXPECT_EQ(parsed->parsed, 2);
  EXPECT_THAT(aligner.Finish().message(), HasSubstr("\"Next\" ... belongs to no text"));
  EXPECT_TRUE(aligner.Take("Next", "text 2").ok());
  EXPECT_TRUE(aligner.Finish().ok());
}

TEST(Conllu, OffsetsAreBytesOfTheText) {
  const std::string text = "Ein Café — naïve„Ω“";
  auto parsed = Aligner(Rows({{"Ein", 2}, {"Café", 0}, {"—", 2}, {"naïve", 2}, {"„Ω“", 4}}))
                    .Take(text, "text 1");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(Forms(text, *parsed), ElementsAre("Ein", "Café", "—", "naïve", "„Ω“"));
}

TEST(Conllu, MultiwordTokensThatAreSpelledByTheirWordsShareTheirBytes) {
  const std::string text = "I don't";
  auto parsed = Aligner("1\tI\t_\t_\t_\t_\t2\t_\t_\t_\n" + Joined("2-3", "don't") +
                        "2\tdo\t_\t_\t_\t_\t0\t_\t_\t_\n3\tn't\t_\t_\t_\t_\t2\t_\t_\t_\n\n")
                    .Take(text, "text 1");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(Forms(text, *parsed), ElementsAre("I", "do", "n't"));
  EXPECT_THAT(parsed->edges, ElementsAre(Edge(1, 0), Edge(1, 2)));
}

TEST(Conllu, OtherMultiwordTokensAreOneWordWithAllTheirEdges) {
  // "vámonos" = "vamos" (root) + "nos" (of it); "al" = "a" (of 5) + "el" (of 5); "mar" of 1.
  const std::string text = "vámonos al mar";
  auto parsed = Aligner(Joined("1-2", "vámonos") + "1\tvamos\t_\t_\t_\t_\t0\t_\t_\t_\n" +
                        "2\tnos\t_\t_\t_\t_\t1\t_\t_\t_\n" + Joined("3-4", "al") +
                        "3\ta\t_\t_\t_\t_\t5\t_\t_\t_\n4\tel\t_\t_\t_\t_\t5\t_\t_\t_\n" +
                        "5\tmar\t_\t_\t_\t_\t1\t_\t_\t_\n")
                    .Take(text, "text 1");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(Forms(text, *parsed), ElementsAre("vámonos", "al", "mar"));
  EXPECT_THAT(parsed->edges, ElementsAre(Edge(2, 1), Edge(2, 1), Edge(0, 2)));
  EXPECT_THAT(parsed->roots, ElementsAre(0));
}

TEST(Conllu, EmptyNodesAndCommentsAndCarriageReturnsPlayNoPart) {
  auto parsed = Aligner(
                    "# sent_id = 1\r\n1\ta\t_\t_\t_\t_\t0\t_\t_\t_\r\n"
                    "1.1\tgone\t_\t_\t_\t_\t_\t_\t1:x\t_\r\n"
                    "2\tb\t_\t_\t_\t_\t1\t_\t_\t_\r\n\r\n")
                    .Take("a b", "text 1");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->words.size(), 2u);
}

TEST(Conllu, AFileThatDoesNotAlignNamesLineWordAndText) {
  auto error = [](const std::string& conllu, const std::string& text) {
    return Aligner(conllu).Take(text, "text 3 (d.tsv:4)").status().message();
  };
  EXPECT_EQ(error(Rows({{"Dogs", 2}, {"bark", 0}}), "Dogs bite"),
            "d.conllu:2: word \"bark\" does not align with text 3 (d.tsv:4), where \"bite\" "
            "stands; the file must hold the sentences of all texts, in their order");
  EXPECT_EQ(error(Rows({{"Dogs", 2}, {"bark", 0}}), "Dogs"),
            "d.conllu:2: word \"bark\" does not align with text 3 (d.tsv:4), where the text "
            "ends; the file must hold the sentences of all texts, in their order");
  EXPECT_EQ(error(Rows({{"Dogs", 0}}), "Dogs bark"),
            "d.conllu: has no sentence for text 3 (d.tsv:4) from \"bark\" on; the file must hold "
            "the sentences of all texts, in their order");
  // Not half of a character.
  EXPECT_THAT(error(Rows({{"é", 0}}), "è"), HasSubstr("word \"é\" does not align"));
}

TEST(Conllu, RefusesWhatIsNoConllu) {
  EXPECT_EQ(ParseError("1\ta\n"), "d.conllu:1: has 2 columns where CoNLL-U has 10");
  EXPECT_EQ(ParseError("# c\n2\ta\t_\t_\t_\t_\t0\t_\t_\t_\n"),
            "d.conllu:2: id \"2\" where 1 comes next");
  EXPECT_EQ(ParseError("1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n"), "d.conllu:1: head \"_\" is no number");
  EXPECT_EQ(ParseError("1\ta\t_\t_\t_\t_\t1\t_\t_\t_\n"), "d.conllu:1: word 1 is its own head");
  EXPECT_EQ(ParseError(Rows({{"a", 0}, {"b", 3}})),
            "d.conllu:2: head 3 is none of the sentence's 2 words");
  EXPECT_EQ(ParseError(Rows({{"a", 2}, {"b", 1}})),
            "d.conllu:1: the sentence has no root (head 0)");
  EXPECT_EQ(ParseError("1\t\t_\t_\t_\t_\t0\t_\t_\t_\n"), "d.conllu:1: the word is empty");
  EXPECT_EQ(ParseError(Joined("1-2", "ab") + Rows({{"a", 0}})),
            "d.conllu:1: the range ends beyond the sentence's 1 words");
  EXPECT_EQ(ParseError(Joined("1-2", "ab")),
            "d.conllu:1: the range ends beyond the sentence's 0 words");
  EXPECT_EQ(ParseError(Joined("2-3", "ab")),
            "d.conllu:1: id \"2-3\" is no range that begins at the next word");
  EXPECT_EQ(ParseError("x.1\ta\t_\t_\t_\t_\t0\t_\t_\t_\n"), "d.conllu:1: id \"x.1\" is no number");
  EXPECT_EQ(ParseError("1\t\xFF\t_\t_\t_\t_\t0\t_\t_\t_\n"), "d.conllu:1: is not valid UTF-8");
}

// Real data: every sentence of a treebank lies on its own "# text".
TEST(Conllu, AlignsATreebankWithItsTexts) {
  const std::string path = TestData("ud_english_ewt/en_ewt-ud-dev.conllu").string();
  SPARSWEEP_NEEDS_DATA(path);
  auto aligner = ConlluAligner::Open(path);
  ASSERT_TRUE(aligner.ok()) << aligner.status().message();
  std::ifstream in(path);
  int64_t texts = 0, words = 0, roots = 0, edges = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("# text = ")) continue;
    auto parsed = aligner->Take(line.substr(9), "text " + std::to_string(++texts));
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    EXPECT_EQ(parsed->sentences, 1);
    words += static_cast<int64_t>(parsed->words.size());
    roots += static_cast<int64_t>(parsed->roots.size());
    edges += static_cast<int64_t>(parsed->edges.size());
  }
  EXPECT_TRUE(aligner->Finish().ok());
  EXPECT_EQ(texts, 2001);
  EXPECT_EQ(words, 25147);
  EXPECT_EQ(roots, 2001);
  EXPECT_EQ(edges, words - roots);
}

}  // namespace
}  // namespace sparsweep
