// GloVe text files: what is found, and how a bad one is refused.
#include "trainer/glove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/temp_folder.h"

namespace sparsweep {
namespace {

using testing::ElementsAre;
using testing::Pointee;

class GloveFile : public testing::Test {
 protected:
  Result<Glove> Load(const std::string& text, const std::set<std::string>& wanted = {"a", "b"}) {
    folder_.Write("g.txt", text);
    return Glove::Load((folder_.path() / "g.txt").string(), wanted);
  }
  std::string Error(const std::string& text) {
    auto glove = Load(text);
    if (glove.ok()) return "none";
    return glove.status().message().substr(folder_.path().string().size() + 1);
  }
  TempFolder folder_;
};

TEST_F(GloveFile, FindsAWordAsWrittenElseLowered) {
  auto glove = Load("the 1 2\nThe 3 -4e-1\nus 5 6\r\né 7 8\n", {"The", "THE", "US", "É", "é"});
  ASSERT_TRUE(glove.ok()) << glove.status().message();
  EXPECT_EQ(glove->width(), 2);
  EXPECT_THAT(glove->Find("The"), Pointee(ElementsAre(3.0f, -0.4f)));
  EXPECT_THAT(glove->Find("THE"), Pointee(ElementsAre(1.0f, 2.0f)));
  EXPECT_THAT(glove->Find("US"), Pointee(ElementsAre(5.0f, 6.0f)));
  EXPECT_THAT(glove->Find("é"), Pointee(ElementsAre(7.0f, 8.0f)));
  EXPECT_EQ(glove->Find("É"), nullptr) << "only A-Z are lowered";
}

TEST_F(GloveFile, TakesWordsWithSpacesAndTheFirstOfTwo) {
  auto glove = Load("x 1 2\n. . . 3 4\nat name@domain.com 5 6\nx 7 8", {"x", ". . ."});
  ASSERT_TRUE(glove.ok()) << glove.status().message();
  EXPECT_THAT(glove->Find("x"), Pointee(ElementsAre(1.0f, 2.0f)));
  EXPECT_THAT(glove->Find(". . ."), Pointee(ElementsAre(3.0f, 4.0f)));
}

TEST_F(GloveFile, RefusesShortLinesOtherWidthsAndWhatIsNoNumber) {
  EXPECT_EQ(Error("a 1 2 3\nb 1 2\n"), "g.txt:2: has 2 numbers where line 1 has 3");
  EXPECT_EQ(Error("a 1 2 3\nb 1 2 3 4\n"), "g.txt:2: has 4 numbers where line 1 has 3");
  EXPECT_EQ(Error("a 1 2 3\n\nb 1 2 3\n"), "g.txt:2: has 0 numbers where line 1 has 3");
  EXPECT_EQ(Error("400000 100\nthe 1 2 3\n"), "g.txt:2: has 3 numbers where line 1 has 1");
  EXPECT_EQ(Error("a 1 2\nb 1 x\n"), "g.txt:2: \"x\" is not a number");
  EXPECT_EQ(Error("a 1 nan\n"), "g.txt:1: \"nan\" is not a number");
  EXPECT_EQ(Error("a 1 1e999\n"), "g.txt:1: \"1e999\" is not a number");
  EXPECT_EQ(Error("a 1 2\nb 1 \xFF\n"), "g.txt:2: is not valid UTF-8");
  EXPECT_EQ(Error("word\n"), "g.txt:1: has no numbers after its word; a GloVe text file was meant");
  EXPECT_EQ(Error(""), "g.txt: is empty");
  EXPECT_EQ(Glove::Load("/nowhere.txt", {}).status().message(), "/nowhere.txt: cannot be opened");
}

}  // namespace
}  // namespace sparsweep
