#include "client/table.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

Table Sample() {
  Table table;
  table.Column("name");
  table.Column("value", Table::Align::kRight);
  table.Row({"window(3)", "86.4"});
  table.Row({"self", "5.1"});
  return table;
}

TEST(Table, AlignsWordsLeftAndNumbersRight) {
  EXPECT_EQ(Sample().Text(),
            "name       value\n"
            "─────────  ─────\n"
            "window(3)   86.4\n"
            "self         5.1\n");
}

TEST(Table, CountsCellsOfTheTerminalNotBytes) {
  EXPECT_EQ(DisplayWidth("naïve"), 5);
  EXPECT_EQ(DisplayWidth("注意"), 4);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1);
  Table table;
  table.Column("n");
  table.Column("v");
  table.Row({"注意", "1"});
  table.Row({"abcd", "2"});
  EXPECT_EQ(table.Text(), "n     v\n────  ─\n注意  1\nabcd  2\n");
}

TEST(Table, ShortensItsWidestTextToFit) {
  Table table;
  table.Column("attention");
  table.Column("n", Table::Align::kRight);
  table.Row({"global(1) + window(1)", "2"});
  EXPECT_EQ(table.Text(15), "attention     n\n────────────  ─\nglobal(1) +…  2\n");
}

TEST(Table, WritesCsvWithQuotesWhereNeeded) {
  Table table;
  table.Column("a");
  table.Column("b");
  table.Row({"random(2, draw=plan)", "say \"hi\""});
  EXPECT_EQ(table.Csv(), "a,b\n\"random(2, draw=plan)\",\"say \"\"hi\"\"\"\n");
}

TEST(FitText, NeverCutsACharacterInTwo) {
  EXPECT_EQ(FitText("注意力", 5), "注意…");
  EXPECT_EQ(FitText("注意力", 4), "注…");
  EXPECT_EQ(FitText("abc", 3), "abc");
}

}  // namespace
}  // namespace sparsweep
