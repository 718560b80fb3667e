// Sentences of a text, the parser that is loaded at run time, and its cache on disk.
#include "trainer/link_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "core/sweep_spec.h"
#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "trainer/parse_cache.h"
#include "trainer/sentences.h"

namespace sparsweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Edge = std::pair<int32_t, int32_t>;

std::vector<std::string> Sentences(const std::string& text) {
  std::vector<std::string> sentences;
  for (auto [begin, end] : SplitSentences(text))
    sentences.push_back(text.substr(begin, end - begin));
  return sentences;
}

std::vector<std::string> Forms(const std::string& text, const ParsedText& parsed) {
  std::vector<std::string> forms;
  for (const auto& word : parsed.words) {
    forms.push_back(text.substr(word.begin, word.end - word.begin));
  }
  return forms;
}

TEST(SplitSentences, EndAfterMarksAndClosingQuotesBeforeWhatIsNotLowerCase) {
  EXPECT_THAT(Sentences("One. Two!  \"Three?\" 4 is four... Five… Six"),
              ElementsAre("One.", "Two!", "\"Three?\"", "4 is four...", "Five…", "Six"));
  EXPECT_THAT(Sentences("It was ... fine. so it goes! ok"),
              ElementsAre("It was ... fine. so it goes! ok"));
  EXPECT_THAT(Sentences("Rated 3.5 of 5.No space"), ElementsAre("Rated 3.5 of 5.No space"));
}

TEST(SplitSentences, DoNotEndAfterInitialsAndAbbreviations) {
  EXPECT_THAT(
      Sentences("Dr. J. R. Smith, e.g. Mr. Bean, of the U.S. Army. Me and I. You."),
      ElementsAre("Dr. J. R. Smith, e.g. Mr. Bean, of the U.S. Army.", "Me and I.", "You."));
}

TEST(SplitSentences, EndAtABlankLineAndNotAtALineEnd) {
  EXPECT_THAT(Sentences("a title\n\n one\nline \n \n"), ElementsAre("a title", "one\nline"));
  EXPECT_THAT(Sentences(""), IsEmpty());
  EXPECT_THAT(Sentences(" \n "), IsEmpty());
  EXPECT_THAT(Sentences("..."), ElementsAre("..."));
}

TEST(LinkGrammar, LinksAreEdgesAndTheLeftWallIsTheRoot) {
  SPARSWEEP_NEEDS_PARSER();
  auto parser = LinkGrammar::Load(kDefaultParser).value();
  const std::string text = "The cat sat on the mat.";
  const ParsedText parsed = parser->Parse(text);
  EXPECT_THAT(Forms(text, parsed), ElementsAre("The", "cat", "sat", "on", "the", "mat", "."));
  // Ds The-cat, Ss cat-sat, MVp sat-on, Js on-mat, Ds the-mat; Wd cat, WV sat, Xp the full stop.
  EXPECT_THAT(parsed.edges,
              ElementsAre(Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge(3, 5), Edge(4, 5)));
  EXPECT_THAT(parsed.roots, ElementsAre(1, 2, 6));
  EXPECT_EQ(parsed.parsed, 1);
  EXPECT_EQ(parsed.capped, 0);
}

TEST(LinkGrammar, OffsetsAreBytes) {
  SPARSWEEP_NEEDS_PARSER();
  auto parser = LinkGrammar::Load(kDefaultParser).value();
  const std::string text = "The café — it's naïve — has John's “book”.";
  const std::vector<std::string> forms = Forms(text, parser->Parse(text));
  EXPECT_THAT(forms, testing::IsSupersetOf({"The", "café", "—", "it", "'s", "John"}));
}

TEST(LinkGrammar, ASecondPassLeavesWordsOutAndRootsThem) {
  SPARSWEEP_NEEDS_PARSER();
  auto parser = LinkGrammar::Load(kDefaultParser).value();
  const std::string text = "the of of and cat sleeps";
  const ParsedText parsed = parser->Parse(text);
  EXPECT_EQ(parsed.parsed, 1);
  EXPECT_EQ(parsed.words.size(), 6u);
  // Every word reaches ROOT.
  ParsedText again = parsed;
  RootEveryPart(&again);
  EXPECT_EQ(again.roots, parsed.roots);
  EXPECT_GT(parsed.roots.size(), 1u);
}

TEST(LinkGrammar, AnotherVersionIsRefused) {
  SPARSWEEP_NEEDS_PARSER();
  auto parser = LinkGrammar::Load(kDefaultParser).value();
  EXPECT_EQ(LinkGrammar::Load("link-grammar-4.0-en-3.0").status().message(),
            std::string("the trial's parses are those of link-grammar-4.0-en-3.0 and this machine "
                        "has ") +
                kDefaultParser +
                "; install the former, or name the latter in the task "
                "(\"parses\": \"" +
                kDefaultParser + "\"), which makes other trials of it");
}

TEST(Unparsed, IsRunsOfNonSpaceThatAllHangFromTheRoot) {
  const std::string text = " one two—2\t3";
  const ParsedText parsed = Unparsed(text);
  EXPECT_THAT(Forms(text, parsed), ElementsAre("one", "two—2", "3"));
  EXPECT_THAT(parsed.roots, ElementsAre(0, 1, 2));
  EXPECT_THAT(parsed.edges, IsEmpty());
  EXPECT_EQ(parsed.sentences, 1);
  EXPECT_EQ(parsed.parsed, 0);
}

TEST(RootEveryPart, TakesTheFirstWordOfEachPartThatHasNone) {
  ParsedText text;
  text.words.resize(6);
  text.edges = {{4, 2}, {1, 3}, {3, 5}};
  text.roots = {5};
  RootEveryPart(&text);
  EXPECT_THAT(text.roots, ElementsAre(0, 2, 5));
}

class Cache : public testing::Test {
 protected:
  static bool Never() { return false; }
  std::filesystem::path File() const { return folder_.path() / "cache/parses/p.jsonl"; }
  std::string Text() const {
    std::stringstream text;
    text << std::ifstream(File(), std::ios::binary).rdbuf();
    return text.str();
  }
  static ParsedText Parse(int words) {
    ParsedText parse;
    for (int i = 0; i < words; ++i) {
      parse.words.push_back({static_cast<uint32_t>(2 * i), static_cast<uint32_t>(2 * i + 1)});
    }
    for (int i = 1; i < words; ++i) parse.edges.emplace_back(i - 1, i);
    parse.roots = {0};
    parse.sentences = parse.parsed = 1;
    return parse;
  }
  void Keep(const std::string& sentence, int words) {
    ParseCache cache(File());
    ASSERT_TRUE(cache.Lock(Never));
    cache.Add(sentence, Parse(words));
  }
  TempFolder folder_;
};

TEST_F(Cache, KeepsParsesBetweenRuns) {
  Keep("one", 3);
  Keep("two", 1);
  ParseCache cache(File());
  EXPECT_EQ(cache.Find("one"), nullptr) << "not read yet";
  cache.Refresh();
  ASSERT_NE(cache.Find("one"), nullptr);
  EXPECT_EQ(cache.Find("one")->words, Parse(3).words);
  EXPECT_EQ(cache.Find("one")->edges, Parse(3).edges);
  EXPECT_EQ(cache.Find("one")->roots, Parse(3).roots);
  EXPECT_EQ(cache.Find("one")->parsed, 1);
  EXPECT_EQ(cache.Find("two")->words.size(), 1u);
  EXPECT_EQ(cache.Find("three"), nullptr);
  Keep("three", 2);
  cache.Refresh();
  EXPECT_NE(cache.Find("three"), nullptr) << "what another process added";
}

TEST_F(Cache, SurvivesATornLine) {
  Keep("one", 3);
  Keep("two", 3);
  const std::string whole = Text();
  for (size_t size = 0; size <= whole.size(); size += 7) {
    std::ofstream(File(), std::ios::binary) << whole.substr(0, size);
    {
      ParseCache reader(File());
      reader.Refresh();
      EXPECT_EQ(reader.Find("one") != nullptr, size > whole.find('\n')) << size;
      EXPECT_EQ(reader.Find("two") != nullptr, size == whole.size()) << size;
    }
    Keep("three", 1);
    ParseCache reader(File());
    reader.Refresh();
    ASSERT_NE(reader.Find("three"), nullptr) << "after a crash at byte " << size;
  }
}

TEST_F(Cache, IgnoresDamagedLines) {
  const std::string good = ParseToLine("one", Parse(2));
  const auto damaged = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    const size_t at = line.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) line.replace(at, from.size(), to);
    Keep("zero", 1);  // makes the folder
    std::ofstream(File(), std::ios::binary) << line << "\n" << ParseToLine("two", Parse(2)) << "\n";
    ParseCache cache(File());
    cache.Refresh();
    EXPECT_NE(cache.Find("two"), nullptr) << line;
    return cache.Find("one") == nullptr;
  };
  EXPECT_FALSE(damaged("\"roots\":[0]", "\"roots\":[1]")) << "whole, and so a parse";
  EXPECT_TRUE(damaged("\"roots\":[0]", "\"roots\":[2]"));
  EXPECT_TRUE(damaged("\"roots\":[0]", "\"roots\":[-1]"));
  EXPECT_TRUE(damaged("\"edges\":[0,1]", "\"edges\":[0,2]"));
  EXPECT_TRUE(damaged("\"edges\":[0,1]", "\"edges\":[0]"));
  EXPECT_TRUE(damaged("\"words\":[0,1,2,3]", "\"words\":[1,1,2,3]"));
  EXPECT_TRUE(damaged("\"words\":[0,1,2,3]", "\"words\":[4,5,2,3]"));
  EXPECT_TRUE(damaged("\"words\"", "\"wards\""));
  EXPECT_TRUE(damaged("}", "]"));
}

TEST_F(Cache, WaitsForAnotherWriterUntilItIsCancelled) {
  Keep("one", 1);
  ParseCache first(File()), second(File());
  ASSERT_TRUE(first.Lock(Never));
  int asked = 0;
  EXPECT_FALSE(second.Lock([&] { return ++asked == 2; }));
  EXPECT_EQ(asked, 2);
  first.Unlock();
  EXPECT_TRUE(second.Lock(Never));
}

TEST_F(Cache, WithoutAFileKeepsParsesInMemory) {
  folder_.Write("cache", "not a folder");
  ParseCache cache(File());
  EXPECT_TRUE(cache.Lock(Never));
  cache.Add("one", Parse(1));
  EXPECT_NE(cache.Find("one"), nullptr);
}

}  // namespace
}  // namespace sparsweep
