// Which plans are worth a warning, and in which words.
#include "core/warnings.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

using Sentences = std::vector<std::string>;
using Lengths = std::map<int, int64_t>;

Sentences Warn(const std::string& attention, const Lengths& lengths, int max_length,
               const std::string& pooling = "mean") {
  const Plan plan = Plan::Resolve(attention, {2, 2, max_length}).value();
  return PlanWarnings(plan, lengths, pooling, 0);
}

TEST(Warnings, OfOrdinaryPlansAreNone) {
  for (const char* text : {"dense", "window(3)", "bigbird(2, 3, 3)", "last 1: self",
                           "window(density=0.1)", "learned_window", "syntax + lexical(2)",
                           "adaptive_span", "blockbert(1:1)", "bigbird_block(8)"}) {
    EXPECT_EQ(Warn(text, {{128, 1}}, 128, "cls"), Sentences{}) << text;
  }
}

TEST(Warnings, OfRulesThatBecameDense) {
  EXPECT_EQ(Warn("bigbird_block(exact=hf)", {{512, 1}}, 512),
            Sentences{"\"bigbird_block(exact=hf)\" is dense at max_length 512: transformers runs "
                      "full attention up to 704 tokens"});
  EXPECT_EQ(Warn("bigbird_block(exact=hf)", {{704, 1}}, 704).size(), 1u);
  EXPECT_EQ(Warn("bigbird_block(exact=hf)", {{705, 1}}, 705), Sentences{});
  EXPECT_EQ(Warn("last 1: window(9) + random(2)", {{8, 1}}, 8),
            Sentences{"\"window(9) + random(2)\" is dense at max_length 8"});
  EXPECT_EQ(Warn("layer 0: window(9); layer 1: window(9)", {{8, 1}}, 8),
            Sentences{"\"window(9)\" is dense at max_length 8"});
  EXPECT_EQ(Warn("window(9); all: dense", {{8, 1}}, 8), Sentences{}) << "what is overridden";
}

TEST(Warnings, OfAClsThatSeesNothing) {
  const std::string sentence =
      "with pooling cls, [CLS] sees no other token in any layer of every text, so the classifier "
      "cannot tell them apart; use pooling mean, or a pattern that holds row 0";
  for (const char* text : {"self", "lexical(3)", "syntax(0)", "self & block(2, shift=1)",
                           "lexical(3) + self", "window(3) & lexical(threshold=0.1)"}) {
    EXPECT_EQ(Warn(text, {{16, 3}}, 16, "cls"), Sentences{sentence}) << text;
    EXPECT_EQ(Warn(text, {{16, 3}}, 16, "mean"), Sentences{}) << text;
  }
  for (const char* text : {"last 1: self", "heads 0: lexical(3)", "syntax",
                           "lexical(2) + global(1)", "lexical(2) + window(1)"}) {
    EXPECT_EQ(Warn(text, {{16, 3}}, 16, "cls"), Sentences{}) << text;
  }
}

TEST(Warnings, OfAClsThatSeesNothingInSomeTexts) {
  // A window of distance 5 alone: texts of up to 5 tokens have no such pair.
  const auto found = Warn("window(1, dilation=5)", {{1, 4}, {3, 2}, {5, 1}, {6, 9}}, 16, "cls");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("in any layer of 3 of 16 texts"), std::string::npos) << found[0];
}

TEST(Warnings, OfPatternsThatKeepEverythingInMostTexts) {
  EXPECT_EQ(Warn("window(3)", {{4, 5}, {5, 5}}, 16),
            Sentences{"\"window(3)\" keeps everything in 5 of 10 texts"});
  EXPECT_EQ(Warn("window(3)", {{4, 5}, {5, 6}}, 16), Sentences{});
  EXPECT_EQ(Warn("random(3)", {{2, 1}, {3, 1}}, 16),
            Sentences{"\"random(3)\" keeps everything in every text"});
  EXPECT_EQ(Warn("bigbird_block(8)", {{40, 2}, {120, 1}}, 128),
            Sentences{"\"bigbird_block(block=8)\" keeps everything in 2 of 3 texts"});
}

TEST(Warnings, OfDensitiesThatNoDegreeReaches) {
  // 10 tokens: self keeps 0.1, a window of one 0.28.
  EXPECT_EQ(Warn("window(density=0.15)", {{10, 1}}, 10),
            Sentences{"\"window(density=0.15)\" has density 0.1 over these texts; no degree comes "
                      "closer"});
  EXPECT_EQ(Warn("window(density=0.25)", {{10, 1}}, 10).size(), 1u) << "0.28 is 12 % off";
  EXPECT_EQ(Warn("window(density=0.27)", {{10, 1}}, 10), Sentences{}) << "0.28 is 4 % off";
  // Long texts weigh by their entries.
  EXPECT_EQ(Warn("window(density=0.15)", {{10, 1}, {200, 1}}, 200), Sentences{});
  EXPECT_EQ(Warn("self + global(density=0.01) & window(2)", {{10, 1}}, 10).size(), 1u);
}

TEST(Warnings, OfDrawsThatOtherTermsKeepAlready) {
  EXPECT_EQ(
      Warn("bigbird(2, 3, 3)", {{17, 1}}, 128),
      Sentences{"in \"global(2) + random(3) + window(3)\" 57 % of the keys drawn at random are "
                "kept by other terms already; the union is smaller than the names suggest"});
  EXPECT_EQ(Warn("bigbird(2, 3, 3)", {{17, 1}, {128, 2}}, 128), Sentences{});
  EXPECT_EQ(Warn("random(5) + random(5, draw=plan)", {{7, 1}}, 128).size(), 1u);
  EXPECT_EQ(Warn("random(5) + random(5, draw=plan)", {{128, 1}}, 128), Sentences{});
}

TEST(Warnings, OfDrawsCountWhatTheMasksHold) {
  EXPECT_EQ(Warn("random(2) + window(8)", {{10, 1}}, 128).size(), 1u);
  EXPECT_NE(Warn("random(2) + window(8)", {{10, 1}}, 128)[0].find(" 100 % of"), std::string::npos);
  EXPECT_EQ(Warn("random(1) + window(1)", {{100, 1}}, 128), Sentences{});
}

}  // namespace
}  // namespace sparsweep
