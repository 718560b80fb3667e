// `where`: which combinations it keeps, and what it refuses.
#include "core/where.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sparsweep {
namespace {

using testing::HasSubstr;

const std::vector<Axis> kAxes = {{"g", {0.0, 2.0}},
                                 {"layers", {std::string("all"), std::string("last 1")}},
                                 {"on", {true, false}},
                                 {"w", {3.0, 0.5}}};

// With g = 2, layers = "last 1", on = true, w = 3.
std::string Outcome(const std::string& text) {
  const Result<Where> where = Where::Parse(text, kAxes);
  if (!where.ok()) return where.status().message();
  const Result<bool> keeps = where->Keeps(kAxes, {1, 1, 0, 0});
  if (!keeps.ok()) return keeps.status().message();
  return *keeps ? "kept" : "excluded";
}

TEST(Where, ComparesNumbersAndStrings) {
  EXPECT_EQ(Outcome("g == 2"), "kept");
  EXPECT_EQ(Outcome("g != 2"), "excluded");
  EXPECT_EQ(Outcome("g < w"), "kept");
  EXPECT_EQ(Outcome("w <= 3"), "kept");
  EXPECT_EQ(Outcome("g > 2"), "excluded");
  EXPECT_EQ(Outcome("g >= 2.0"), "kept");
  EXPECT_EQ(Outcome("layers == \"last 1\""), "kept");
  EXPECT_EQ(Outcome("layers == 'all'"), "excluded");
}

TEST(Where, Calculates) {
  EXPECT_EQ(Outcome("g + w * 2 == 8"), "kept");
  EXPECT_EQ(Outcome("(g + w) * 2 == 10"), "kept");
  EXPECT_EQ(Outcome("w - g - 1 == 0"), "kept");
  EXPECT_EQ(Outcome("w / g == 1.5"), "kept");
  EXPECT_EQ(Outcome("w % g == 1"), "kept");
  EXPECT_EQ(Outcome("-w + 3 == 0"), "kept");
  EXPECT_EQ(Outcome("1e1 == 10"), "kept");
}

TEST(Where, BindsOrLooserThanAndLooserThanNot) {
  EXPECT_EQ(Outcome("g == 2 or g == 0 and w == 0"), "kept");
  EXPECT_EQ(Outcome("(g == 2 or g == 0) and w == 0"), "excluded");
  EXPECT_EQ(Outcome("not g == 0 and w == 0"), "excluded");
  EXPECT_EQ(Outcome("not (g == 0 and w == 0)"), "kept");
  EXPECT_EQ(Outcome("on and not (g == 0)"), "kept");
}

TEST(Where, LooksIntoLists) {
  EXPECT_EQ(Outcome("w in [1, 3]"), "kept");
  EXPECT_EQ(Outcome("not w in [1, g]"), "kept");
  EXPECT_EQ(Outcome("layers in ['all']"), "excluded");
}

TEST(Where, StopsWhereTheAnswerIsKnown) {
  EXPECT_EQ(Outcome("g == 2 or 1 / (g - 2) > 0"), "kept");
  EXPECT_EQ(Outcome("g != 2 and 1 / (g - 2) > 0"), "excluded");
}

TEST(Where, RefusesToCompareAStringWithANumber) {
  EXPECT_THAT(Outcome("layers == 1"),
              HasSubstr("column 8 of 'layers == 1': the string \"last 1\" cannot be compared with "
                        "the number 1 (g=2 layers=last 1 on=true w=3)"));
  EXPECT_THAT(Outcome("w in [1, 'x']"), HasSubstr("cannot be compared"));
  EXPECT_THAT(Outcome("on < 1"), HasSubstr("cannot be compared"));
}

TEST(Where, RefusesWhatIsNoCondition) {
  EXPECT_THAT(Outcome("w"), HasSubstr("neither true nor false"));
  EXPECT_THAT(Outcome("w and on"), HasSubstr("column 3"));
  EXPECT_THAT(Outcome("layers + 1 == 2"), HasSubstr("no number to calculate with"));
  EXPECT_THAT(Outcome("w / (g - 2) == 1"), HasSubstr("divided by 0"));
  EXPECT_THAT(Outcome("on > on"), HasSubstr("have no order"));
}

TEST(Where, PointsAtSyntaxErrors) {
  EXPECT_THAT(Outcome(""), HasSubstr("column 1"));
  EXPECT_THAT(Outcome("w ="), HasSubstr("column 3 of 'w =': use =="));
  EXPECT_THAT(Outcome("w == "), HasSubstr("found end of the expression"));
  EXPECT_THAT(Outcome("1 < w < 3"), HasSubstr("comparisons do not chain"));
  EXPECT_THAT(Outcome("w == 3)"), HasSubstr("column 7 of 'w == 3)': unexpected ')'"));
  EXPECT_THAT(Outcome("(w == 3"), HasSubstr("expected )"));
  EXPECT_THAT(Outcome("w in 3"), HasSubstr("needs a list"));
  EXPECT_THAT(Outcome("w in [3"), HasSubstr("expected ]"));
  EXPECT_THAT(Outcome("layers == 'all"), HasSubstr("the string has no end"));
  EXPECT_THAT(Outcome("$w == 3"), HasSubstr("without $"));
  EXPECT_THAT(Outcome("layer == 'all'"), HasSubstr("did you mean \"layers\"?"));
  EXPECT_THAT(Outcome(std::string(4000, '(')), HasSubstr("nested too deeply"));
  EXPECT_THAT(Outcome(std::string(4000, '-') + "1 == 1"), HasSubstr("nested too deeply"));
  EXPECT_THAT(Outcome(std::string(4097, ' ')), HasSubstr("longer than 4096 bytes"));
}

}  // namespace
}  // namespace sparsweep
