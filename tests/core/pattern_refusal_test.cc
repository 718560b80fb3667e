// What single patterns refuse, and which of them stand alone. The language around them:
// attention_refusal_test.cc.
#include <gtest/gtest.h>

#include "tests/core/plan_answer.h"

namespace sparsweep {
namespace {

TEST(PatternRefusal, OfArgumentsThatDoNotFitEachOtherOrTheModel) {
  EXPECT_EQ(Sentence("strided(0)"), "l must be at least 1");
  EXPECT_EQ(Sentence("strided"), "strided needs l; write strided(l)");
  EXPECT_EQ(Sentence("fixed(4)"), "fixed needs c; write fixed(l, c)");
  EXPECT_EQ(Sentence("fixed(4, 5)"), "c must be at most l in fixed; 5 is more than 4");
  EXPECT_EQ(Sentence("fairseq_fixed(4, 4)"),
            "c must be smaller than l in fairseq_fixed; 4 is not smaller than 4");
  EXPECT_EQ(Sentence("fairseq_fixed(128, 4)"),
            "fairseq_fixed needs a max_length greater than l; 128 is not greater than 128");
  EXPECT_EQ(Sentence("fairseq_fixed(127, 4)"), "fairseq_fixed(127, 4)");
  EXPECT_EQ(Sentence("block(129)"),
            "129 blocks are more than the 128 tokens of max_length; use fewer blocks or a greater "
            "max_length");
  EXPECT_EQ(Sentence("block(128)"), "block(128)");
  EXPECT_EQ(FirstLine(Plan::Resolve("blockbert(1:1:1)", {1, 3, 2}).status().message()),
            "3 blocks are more than the 2 tokens of max_length; use fewer blocks or a greater "
            "max_length");
  EXPECT_EQ(Sentence("bigbird_block(0)"), "block must be at least 1");
  EXPECT_EQ(Sentence("bigbird_block(exact=HF)"), "exact is set or hf, not \"HF\"");
  EXPECT_EQ(Sentence("syntax(1, 2)"), "syntax takes no more than 1 argument: syntax(hops=1)");
  EXPECT_EQ(Sentence("lexical"),
            "lexical needs k; write lexical(k or density=x or threshold=x, by=model)");
  EXPECT_EQ(Sentence("lexical(2, by=bert)"), "by is model or glove, not \"bert\"");
  EXPECT_EQ(Sentence("learned_window(0)"), "max must be at least 1");
  EXPECT_EQ(Sentence("learned_window(128)"),
            "max 128 is beyond max_length - 1 = 127; leave it out or make it smaller");
  EXPECT_EQ(Sentence("adaptive_span(200)"),
            "max 200 is beyond max_length - 1 = 127; leave it out or make it smaller");
  EXPECT_EQ(FirstLine(Plan::Resolve("learned_window", {1, 1, 1}).status().message()),
            "there is no degree to learn with a max_length of 1");
  EXPECT_EQ(Sentence("adaptive_span(ramp=0)"), "ramp must be at least 1");
  EXPECT_EQ(Sentence("adaptive_span(1, 2, 3)"),
            "adaptive_span takes no more than 2 arguments: adaptive_span(max=max_length-1, "
            "ramp=32)");
}

TEST(PatternRefusal, OfBareNamesUnlessEveryArgumentHasADefault) {
  for (const char* name :
       {"dense", "self", "bigbird_block", "syntax", "learned_window", "adaptive_span"}) {
    EXPECT_TRUE(Plan::Resolve(name, {12, 12, 4096}).ok()) << name;
    EXPECT_TRUE(Plan::Resolve(std::string(name) + "()", {12, 12, 4096}).ok()) << name;
  }
  for (const char* name : {"window", "global", "random", "bigbird", "block", "blockbert", "strided",
                           "fixed", "fairseq_fixed", "longformer", "lexical"}) {
    const std::string needs = std::string(name) + " needs ";
    EXPECT_EQ(Sentence(name).substr(0, needs.size()), needs);
    EXPECT_EQ(Sentence(std::string(name) + "()").substr(0, needs.size()), needs);
  }
}

TEST(PatternRefusal, OfNumbersThatAreNotWholeInEveryPattern) {
  for (const char* before :
       {"window(", "global(", "random(", "bigbird(1, 1, ", "bigbird_block(",
        "bigbird_block(r=", "block(", "blockbert(", "strided(", "fixed(9, ", "fairseq_fixed(9, ",
        "longformer(1, ", "syntax(", "lexical(", "learned_window(", "adaptive_span(ramp="}) {
    EXPECT_EQ(Sentence(std::string(before) + "3.0)"), "3.0 is not a whole number") << before;
    EXPECT_EQ(Sentence(std::string(before) + "1e1)"), "1e1 is not a whole number") << before;
    EXPECT_EQ(Sentence(std::string(before) + "2147483648)"),
              "2147483648 is too large; the largest number is 2147483647")
        << before;
  }
}

TEST(PatternRefusal, OfThresholdsBesideDegreesAndDensities) {
  EXPECT_EQ(Sentence("lexical(2, threshold=0.5)"), "threshold stands for k; give one of them");
  EXPECT_EQ(Sentence("lexical(threshold=0.5, k=2)"), "threshold stands for k; give one of them");
  EXPECT_EQ(Sentence("lexical(threshold=0.5, density=0.1)"),
            "threshold and density both stand for k; give one");
  EXPECT_EQ(Sentence("lexical(threshold=0.5, threshold=0.5)"), "threshold is given twice");
  EXPECT_EQ(Sentence("lexical(threshold=1.5)"), "threshold 1.5 is not between 0 and 1");
  EXPECT_EQ(Sentence("lexical(threshold=high)"),
            "threshold must be a plain decimal number from 0 to 1, not \"high\"");
  EXPECT_EQ(Sentence("window(threshold=0.5)"),
            "window has no argument \"threshold\"; known: w, dilation, density");
}

TEST(PatternRefusal, OfMixesThatAreNoSets) {
  const std::string learned =
      "a learned pattern stands alone in its rule: it weighs keys by their distance and is no set "
      "of entries until training ends";
  EXPECT_EQ(Sentence("learned_window + global(1)"), learned);
  EXPECT_EQ(Sentence("global(1) + (adaptive_span)"), learned);
  EXPECT_EQ(Sentence("window(9) & learned_window(5)"), learned);
  EXPECT_EQ(Sentence("self + window(9) & learned_window(5)"), learned);
  EXPECT_EQ(Sentence("learned_window + learned_window"), learned);
  EXPECT_EQ(Sentence("(learned_window); heads 0: self"),
            "heads 0: self; heads 1-11: learned_window");
  const std::string counted =
      "bigbird_block with exact=hf stands alone in its rule: it counts some blocks more than once "
      "and is no set of entries; use exact=set";
  EXPECT_EQ(Sentence("bigbird_block(8, exact=hf) + self"), counted);
  EXPECT_EQ(Sentence("self & bigbird_block(8, exact=hf)"), counted);
  EXPECT_EQ(Sentence("self & bigbird_block(8)"), "self");
  EXPECT_EQ(Answer("self + adaptive_span(3)"), learned + "\n  self + adaptive_span(3)\n         ^");
}

}  // namespace
}  // namespace sparsweep
