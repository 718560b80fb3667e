// Axis values in an attention template, and how a place in a text is shown.
#include "core/splice.h"

#include <gtest/gtest.h>

#include "core/caret.h"
#include "core/lexer.h"

namespace sparsweep {
namespace {

using Values = std::map<std::string, std::string>;

std::string TextOf(const std::string& attention, const Values& values) {
  const auto spliced = Splice(attention, values);
  return spliced.ok() ? spliced->text : spliced.status().message();
}

std::string RefusalOf(const std::string& attention, const Values& values) {
  const auto spliced = Splice(attention, values);
  return spliced.ok() ? "accepted: " + spliced->text : FirstLine(spliced.status().message());
}

TEST(Splice, PutsValuesScopesAndPatternsWhereTheyStand) {
  EXPECT_EQ(
      TextOf("$layers: global($g) + window($w)", {{"layers", "last 3"}, {"g", "1"}, {"w", "2"}}),
      "last 3: global(1) + window(2)");
  EXPECT_EQ(TextOf("layers $l heads $h: $p", {{"l", "0-2"}, {"h", "1,3"}, {"p", "self"}}),
            "layers 0-2 heads 1,3: self");
  EXPECT_EQ(TextOf("dense", {{"w", "1"}}), "dense");
}

TEST(Splice, TakesTheLongestNameAndNeverAPartOfOne) {
  EXPECT_EQ(TextOf("window($width) + global($w)", {{"w", "1"}, {"width", "2"}}),
            "window(2) + global(1)");
  EXPECT_EQ(RefusalOf("window($widthx)", {{"w", "1"}, {"width", "2"}}),
            "there is no axis \"widthx\"; did you mean \"width\"?");
}

TEST(Splice, ParenthesisesAPatternWhereItMatters) {
  const std::string sum = "window(1) + self";
  EXPECT_EQ(TextOf("global(1) & $p", {{"p", sum}}), "global(1) & (window(1) + self)");
  EXPECT_EQ(TextOf("$p & global(1)", {{"p", sum}}), "(window(1) + self) & global(1)");
  EXPECT_EQ(TextOf("all: $p & global(1)", {{"p", sum}}), "all: (window(1) + self) & global(1)");
  EXPECT_EQ(TextOf("(global(1) & ($p))", {{"p", sum}}), "(global(1) & ((window(1) + self)))");
  EXPECT_EQ(TextOf("global(1) & $p", {{"p", "window(1)"}}), "global(1) & window(1)");
  EXPECT_EQ(TextOf("all: $p", {{"p", sum}}), "all: window(1) + self");
  EXPECT_EQ(TextOf("self & $p(3)", {{"p", "window"}}), "self & (window)(3)");
}

TEST(Splice, WorksOnTokensNotOnLetters) {
  EXPECT_EQ(TextOf("window(1$w)", {{"w", "2"}}), "window(1 2)");
  EXPECT_EQ(TextOf("window($w$w)", {{"w", "2"}}), "window(2 2)");
  EXPECT_EQ(TextOf("window($w.5)", {{"w", "2"}}), "window(2 .5)");
}

TEST(Splice, AllowsRulesOnlyWhereTheTemplateIsExactlyTheAxis) {
  const std::string rules = "window(1); last 1: dense";
  EXPECT_EQ(TextOf(" $p ", {{"p", rules}}), " " + rules + " ");
  EXPECT_EQ(RefusalOf("all: $p", {{"p", rules}}),
            "axis \"p\": a value with \";\" is legal only where the attention is exactly \"$p\"");
}

TEST(Splice, RefusesValuesThatWouldReachBeyondTheirPlace) {
  EXPECT_EQ(RefusalOf("window($w)", {{"w", "1) + global(1"}}),
            "axis \"w\": the value does not close its parentheses");
  EXPECT_EQ(RefusalOf("window($w)", {{"w", " "}}), "axis \"w\": the value is empty");
  EXPECT_EQ(RefusalOf("window($w)", {{"w", "$g"}, {"g", "1"}}),
            "axis \"w\": a value cannot name an axis itself, as \"$g\" does");
  EXPECT_EQ(RefusalOf("window($w)", {}), "there is no axis \"w\"");
}

TEST(Splice, ShowsTheTemplateUnderARefusedAxis) {
  EXPECT_EQ(TextOf("window($v)", {{"w", "1"}}),
            "there is no axis \"v\"; known: w\n"
            "  window($v)\n"
            "         ^");
}

TEST(Splice, RemembersWhichBytesCameFromWhichAxis) {
  const auto spliced = Splice("$l: global(1) & $p; self", {{"l", "last 1"}, {"p", "self + dense"}});
  ASSERT_TRUE(spliced.ok());
  EXPECT_EQ(spliced->text, "last 1: global(1) & (self + dense); self");
  EXPECT_EQ(spliced->spans, (std::vector<AxisSpan>{{0, 6, "l"}, {20, 34, "p"}}));
}

TEST(Splice, RefusesToGrowWithoutBound) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "$p+";
  const auto spliced = Splice(many, {{"p", std::string(10'000, 'x')}});
  ASSERT_FALSE(spliced.ok());
  EXPECT_NE(spliced.status().message().find("longer than 262144 bytes"), std::string::npos);
  EXPECT_FALSE(Splice(std::string(kMaxSourceBytes + 1, ' '), {}).ok());
}

TEST(AxesUsed, AreInOrderOfFirstUse) {
  EXPECT_EQ(AxesUsed("$w: global($g) + window($w) + $b_2"),
            (std::vector<std::string>{"w", "g", "b_2"}));
  EXPECT_TRUE(AxesUsed("window(1) + $ + $1").empty());
}

TEST(Caret, ShowsPrintableAsciiOnly) {
  EXPECT_EQ(CaretLines("wind\xc3\xb6w\n(1)\x01", 7), "\n  wind?w (1)?\n        ^");
  EXPECT_EQ(Quoted("a\xff\"b"), "\"a?\"b\"");
}

TEST(Caret, ShowsAnExcerptOfALongText) {
  const std::string text = std::string(500, 'a') + "!" + std::string(500, 'b');
  EXPECT_EQ(CaretLines(text, 500), "\n  ..." + std::string(60, 'a') + "!" + std::string(59, 'b') +
                                       "...\n  " + std::string(63, ' ') + "^");
}

}  // namespace
}  // namespace sparsweep
