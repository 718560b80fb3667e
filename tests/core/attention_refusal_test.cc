// What the attention language refuses, and in which words.
#include <gtest/gtest.h>

#include <random>

#include "tests/core/plan_answer.h"

namespace sparsweep {
namespace {

std::string SplicedSentence(const std::string& attention,
                            const std::map<std::string, std::string>& values) {
  const auto spliced = Splice(attention, values);
  if (!spliced.ok()) return FirstLine(spliced.status().message());
  const auto plan = Plan::Resolve(*spliced, kBase);
  return plan.ok() ? plan->canonical() : FirstLine(plan.status().message());
}

TEST(AttentionRefusal, ShowsTheTextWithACaret) {
  EXPECT_EQ(Answer("global(1) + windo(3)"),
            "unknown pattern \"windo\"; did you mean \"window\"?\n"
            "  global(1) + windo(3)\n"
            "              ^");
}

TEST(AttentionRefusal, NamesTheAxisThatThePlaceCameFrom) {
  EXPECT_EQ(SplicedSentence("global($g) + window($w)", {{"g", "1"}, {"w", "3.5"}}),
            "axis \"w\": 3.5 is not a whole number");
  EXPECT_EQ(SplicedSentence("$p & self", {{"p", "windo(1)"}}),
            "axis \"p\": unknown pattern \"windo\"; did you mean \"window\"?");
  EXPECT_EQ(SplicedSentence("window($w)", {{"w", "-1"}}),
            "axis \"w\": numbers have no sign here; w is 0 or more");
  EXPECT_EQ(SplicedSentence("layer $l: self", {{"l", "12"}}),
            "axis \"l\": layer 12 is out of range: the model has 12 layers, numbered from 0");
  EXPECT_EQ(SplicedSentence("$p", {{"p", "window(1) +"}}),
            "axis \"p\": expected a pattern, not the end");
  EXPECT_EQ(SplicedSentence("$p & self", {{"p", "window(1) +"}}),
            "axis \"p\": expected a pattern, not \")\"");
  EXPECT_EQ(SplicedSentence("window($w) + windo(1)", {{"w", "1"}}),
            "unknown pattern \"windo\"; did you mean \"window\"?");
  EXPECT_EQ(SplicedSentence("$p(3)", {{"p", "window"}}),
            "axis \"p\": window needs w; write window(w or density=x, dilation=1)");
}

TEST(AttentionRefusal, OfEmptyTextAndEmptyRules) {
  EXPECT_EQ(Sentence(""),
            "the attention text is empty; write a pattern such as dense or window(3)");
  EXPECT_EQ(Sentence(" \n\t"), Sentence(""));
  for (const char* text : {"self;", ";", "; self", "self;; self"}) {
    EXPECT_EQ(Sentence(text), "a rule is empty; remove the \";\" too many") << text;
  }
  EXPECT_EQ(Sentence("all:"), "expected a pattern, not the end");
  EXPECT_EQ(Sentence("all: ; self"), "expected a pattern, not \";\"");
  EXPECT_EQ(Sentence("()"), "expected a pattern, not \")\"");
}

TEST(AttentionRefusal, OfLayersAndHeadsThatTheModelLacks) {
  EXPECT_EQ(Sentence("layers 3-1: self"), "the range 3-1 is reversed; write 1-3");
  EXPECT_EQ(Sentence("heads 5-4: self"), "the range 5-4 is reversed; write 4-5");
  EXPECT_EQ(Sentence("layer 12: self"),
            "layer 12 is out of range: the model has 12 layers, numbered from 0");
  EXPECT_EQ(Sentence("layers 0-12: self"),
            "layer 12 is out of range: the model has 12 layers, numbered from 0");
  EXPECT_EQ(Sentence("heads 3,12: self"),
            "head 12 is out of range: the model has 12 heads, numbered from 0");
  EXPECT_EQ(Sentence("first 0: self"), "first 0 names no layer; write 1 or more");
  EXPECT_EQ(Sentence("last 0: self"), "last 0 names no layer; write 1 or more");
  EXPECT_EQ(Sentence("first 13: self"), "first 13 is out of range: the model has 12 layers");
  EXPECT_EQ(Sentence("last 13: self"), "last 13 is out of range: the model has 12 layers");
  EXPECT_EQ(FirstLine(Plan::Resolve("layer 1: self", {1, 1, 8}).status().message()),
            "layer 1 is out of range: the model has 1 layer, numbered from 0");
}

TEST(AttentionRefusal, OfScopesThatAreNone) {
  EXPECT_EQ(Sentence("first 3 heads: self"),
            "\"first\" counts layers, not heads; write heads by number, such as \"heads 0-2:\"");
  EXPECT_EQ(Sentence("last 3 layers: self"),
            "\"first\" and \"last\" already count layers; leave \"layers\" out");
  EXPECT_EQ(Sentence("heads 0 layers 1: self"), "in a scope the layers come before the heads");
  EXPECT_EQ(Sentence("layers: self"), "expected layer numbers such as \"layers 0-2,5\", not \":\"");
  EXPECT_EQ(Sentence("heads: self"), "expected head numbers such as \"heads 0-2,5\", not \":\"");
  EXPECT_EQ(Sentence("first: self"), "the number of layers must be a whole number, not \":\"");
  EXPECT_EQ(Sentence("all self"), "expected \":\" after the scope, not \"self\"");
  EXPECT_EQ(Sentence("all: all: self"),
            "\"all\" is reserved for scopes, which stand at the beginning of a rule");
  EXPECT_EQ(Sentence("self: dense"), "a scope stands at the beginning of its rule, once");
  EXPECT_EQ(Sentence("self + (all: self)"),
            "\"all\" is reserved for scopes, which stand at the beginning of a rule");
  EXPECT_EQ(Sentence("layers 0,: self"), "a layer must be a whole number, not \":\"");
  EXPECT_EQ(Sentence("layers 1-: self"), "a layer must be a whole number, not \":\"");
}

TEST(AttentionRefusal, OfNumbersThatAreNotWholeOrTooLarge) {
  for (const char* number : {"3.0", "1e1", "0.5", ".5", "1.", "0x10", "1_000", "3x"}) {
    const std::string what = std::string(number) + " is not a whole number";
    EXPECT_EQ(Sentence("window(" + std::string(number) + ")"), what);
    EXPECT_EQ(Sentence("layer " + std::string(number) + ": self"), what);
  }
  EXPECT_EQ(Sentence("window(2147483648)"),
            "2147483648 is too large; the largest number is 2147483647");
  EXPECT_EQ(Sentence("window(99999999999999999999999)"),
            "99999999999999999999999 is too large; the largest number is 2147483647");
  EXPECT_EQ(Sentence("window(2147483647, dilation=2147483647)"),
            "window(2147483647, dilation=2147483647)");
  EXPECT_EQ(Sentence("blockbert(2147483647:2147483647)"),
            "the parts of blockbert sum to 4294967294, but the model has 12 heads");
  EXPECT_EQ(Sentence("window(+3)"), "w must be a whole number, not \"+\"");
  EXPECT_EQ(Sentence("window(abc)"), "w must be a whole number, not \"abc\"");
}

TEST(AttentionRefusal, OfWrongArguments) {
  EXPECT_EQ(Sentence("window"), "window needs w; write window(w or density=x, dilation=1)");
  EXPECT_EQ(Sentence("window()"), Sentence("window"));
  EXPECT_EQ(Sentence("window(dilation=2)"), Sentence("window"));
  EXPECT_EQ(Sentence("bigbird(1, 2)"),
            "bigbird needs r; write bigbird(g, w, r, each=length, draw=head)");
  EXPECT_EQ(Sentence("global(1, 2)"),
            "global takes no more than 1 argument: global(g or density=x)");
  EXPECT_EQ(Sentence("dense(1)"), "dense takes no arguments");
  EXPECT_EQ(Sentence("dense(w=1)"), "dense takes no arguments");
  EXPECT_EQ(Sentence("window(1, 2, w=3)"), "w is given twice");
  EXPECT_EQ(Sentence("window(1, dilation=2, dilation=2)"), "dilation is given twice");
  EXPECT_EQ(Sentence("window(w=1, 2)"), "an argument without a name cannot follow one with a name");
  EXPECT_EQ(Sentence("window(1, dilatoin=2)"),
            "window has no argument \"dilatoin\"; did you mean \"dilation\"?");
  EXPECT_EQ(Sentence("random(1, draw=heads)"), "draw is head, layer or plan, not \"heads\"");
  EXPECT_EQ(Sentence("block(2, over=1)"), "over is real or max, not \"1\"");
  EXPECT_EQ(Sentence("window(1:2)"), "w is one whole number, not parts");
  EXPECT_EQ(Sentence("window(1, dilation=0)"), "dilation must be at least 1");
  EXPECT_EQ(Sentence("block(0)"), "n must be at least 1");
  EXPECT_EQ(Sentence("window(1,)"), "dilation must be a whole number, not \")\"");
  EXPECT_EQ(Sentence("window(1"), "expected \",\" or \")\", not the end");
}

TEST(AttentionRefusal, OfDensities) {
  EXPECT_EQ(Sentence("window(2, density=0.1)"), "density stands for w; give one of them");
  EXPECT_EQ(Sentence("window(density=0.1, w=2)"), "density stands for w; give one of them");
  EXPECT_EQ(Sentence("window(density=0.1, density=0.1)"), "density is given twice");
  EXPECT_EQ(Sentence("global(density=1.5)"), "density 1.5 is not between 0 and 1");
  EXPECT_EQ(Sentence("global(density=1.000000000000000000001)"),
            "density 1.000000000000000000001 is not between 0 and 1");
  EXPECT_EQ(Sentence("global(density=20)"), "density 20 is not between 0 and 1");
  EXPECT_EQ(Sentence("global(density=0.1234567890123456789)"),
            "density 0.1234567890123456789 has more than 18 decimals");
  EXPECT_EQ(Sentence("global(density=1e-3)"),
            "density must be a plain decimal number from 0 to 1, not \"1e\"");
  EXPECT_EQ(Sentence("bigbird(density=0.1)"),
            "bigbird has no argument \"density\"; known: g, w, r, each, draw");
  EXPECT_EQ(Sentence("block(density=0.1)"),
            "block has no argument \"density\"; known: n, shift, over");
}

TEST(AttentionRefusal, OfBlockBertPartsThatDoNotSumToTheHeads) {
  const std::string sum = "the parts of blockbert sum to 13, but the model has 12 heads";
  EXPECT_EQ(Sentence("blockbert(10:3)"), sum);
  EXPECT_EQ(Sentence("heads 0-3: blockbert(10:3)"), sum);
  EXPECT_EQ(Sentence("blockbert(0)"),
            "the parts of blockbert sum to 0, but the model has 12 heads");
  EXPECT_EQ(Sentence("blockbert"), "blockbert needs parts; write blockbert(a0:a1:..., over=real)");
}

TEST(AttentionRefusal, OfUnsplicedAxesAndStrayText) {
  EXPECT_EQ(Sentence("$x"), "\"$x\" stands for an axis, but no axis value is given");
  EXPECT_EQ(Sentence("window($w)"), "\"$w\" stands for an axis, but no axis value is given");
  EXPECT_EQ(Sentence("Window(1)"), "unknown pattern \"Window\"; did you mean \"window\"?");
  EXPECT_EQ(Sentence("self self"), "expected \"+\", \"&\", \";\" or the end, not \"self\"");
  EXPECT_EQ(Sentence("self)"), "expected \"+\", \"&\", \";\" or the end, not \")\"");
  EXPECT_EQ(Sentence("(self"), "expected \"+\", \"&\" or \")\", not the end");
  EXPECT_EQ(Sentence("self + "), "expected a pattern, not the end");
  EXPECT_EQ(Sentence("self % dense"), "expected \"+\", \"&\", \";\" or the end, not \"%\"");
  EXPECT_EQ(Sentence("\xc3\xa9"), "expected a pattern, not \"?\"");
}

TEST(AttentionRefusal, OfTextThatOnlyAProgramWouldWrite) {
  const std::string deep(101, '(');
  EXPECT_EQ(Sentence(deep + "self" + std::string(101, ')')),
            "parentheses are nested more than 100 deep");
  EXPECT_EQ(Sentence(std::string(100, '(') + "self" + std::string(100, ')')), "self");
  EXPECT_EQ(Sentence(std::string(200'000, '(')), "parentheses are nested more than 100 deep");
  std::string many = "self";
  for (int i = 0; i < 256; ++i) many += "+self";
  EXPECT_EQ(Sentence(many), "a rule has more than 256 patterns");
  EXPECT_EQ(Sentence(many.substr(5)), "self");
  EXPECT_EQ(Sentence(many.substr(15) + "+bigbird(1,1,1)"), "a rule has more than 256 patterns");
  EXPECT_EQ(Sentence(std::string(99, '(') + "bigbird(0,0,0)" + std::string(99, ')')), "self");
  EXPECT_EQ(Sentence(std::string(100, '(') + "bigbird(0,0,0)" + std::string(100, ')')),
            "parentheses are nested more than 100 deep");
  EXPECT_EQ(Sentence(std::string(300'000, ' ')), "the attention text is longer than 262144 bytes");
  EXPECT_EQ(Sentence(std::string(200'000, 'w')),
            "unknown pattern \"" + std::string(60, 'w') +
                "...\"; known: dense, self, window, "
                "global, random, bigbird, bigbird_block, block, blockbert, strided, fixed, "
                "fairseq_fixed, longformer, syntax, lexical, learned_window, adaptive_span");
}

TEST(AttentionRefusal, OfPlansWhoseCanonicalTextWouldBeIllegal) {
  std::string parts = "1";
  for (int head = 1; head < 1000; ++head) parts += ":1";
  std::string text;
  for (int layer = 0; layer < 20; ++layer) {
    text += (layer == 0 ? "layer " : "; layer ") + std::to_string(layer) + ": blockbert(" + parts +
            ") + window(" + std::to_string(layer + 1) + ")";
  }
  EXPECT_EQ(Plan::Resolve(text, {20, 1000, 1000}).status().message(),
            "the attention is too intricate: its canonical text is longer than 262144 bytes");
}

TEST(AttentionRefusal, OfImpossibleContexts) {
  const auto sentence = [](const PlanContext& context) {
    return Plan::Resolve("self", context).status().message();
  };
  EXPECT_EQ(sentence({0, 1, 1}), "layers must be 1 to 1000, not 0");
  EXPECT_EQ(sentence({1, 1001, 1}), "heads must be 1 to 1000, not 1001");
  EXPECT_EQ(sentence({1, 1, -5}), "max_length must be 1 to 1000000, not -5");
}

// Any string of tokens is either a plan whose canonical text is legal, or refused in one sentence
// with two lines that show the place.
TEST(AttentionRefusal, NeverDoesAnythingElse) {
  const std::vector<std::string> pieces = {"all",
                                           "first",
                                           "last",
                                           "layer",
                                           "layers",
                                           "head",
                                           "heads",
                                           "dense",
                                           "self",
                                           "window",
                                           "global",
                                           "random",
                                           "bigbird",
                                           "block",
                                           "blockbert",
                                           "syntax",
                                           "density",
                                           "draw",
                                           "shift",
                                           "over",
                                           "plan",
                                           "max",
                                           "(",
                                           "(",
                                           ")",
                                           ")",
                                           ",",
                                           ",",
                                           "+",
                                           "&",
                                           ";",
                                           ":",
                                           "=",
                                           "-",
                                           "0",
                                           "1",
                                           "2",
                                           "3",
                                           "0.5",
                                           "7:5",
                                           "99999999999",
                                           "1e1",
                                           "$x",
                                           "\xff",
                                           "#",
                                           ".",
                                           "window(1)",
                                           "density=0.25",
                                           "layers 0-3:",
                                           "heads 1:",
                                           "first 2:",
                                           "strided",
                                           "fixed",
                                           "fairseq_fixed",
                                           "longformer",
                                           "lexical",
                                           "bigbird_block",
                                           "learned_window",
                                           "adaptive_span",
                                           "threshold",
                                           "exact",
                                           "hf",
                                           "each",
                                           "example",
                                           "strided(2)",
                                           "syntax",
                                           "c=1",
                                           "l=4",
                                           "exact=hf"};
  std::mt19937_64 random(20260801);
  int accepted = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string text;
    for (size_t length = random() % 9; length > 0; --length) {
      text += pieces[random() % pieces.size()] + (random() % 2 == 0 ? " " : "");
    }
    const auto plan = Plan::Resolve(text, kBase);
    if (plan.ok()) {
      ++accepted;
      const auto again = Plan::Resolve(plan->canonical(), kBase);
      ASSERT_TRUE(again.ok()) << text << " -> " << plan->canonical();
      ASSERT_EQ(again->canonical(), plan->canonical()) << text;
    } else {
      const std::string& message = plan.status().message();
      ASSERT_EQ(std::count(message.begin(), message.end(), '\n'), 2) << message;
      ASSERT_GT(message.find('\n'), 10u) << message;
    }
  }
  EXPECT_GT(accepted, 200);
}

}  // namespace
}  // namespace sparsweep
