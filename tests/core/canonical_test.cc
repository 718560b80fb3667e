// The canonical form as docs/attention-language.md promises it.
#include "core/canonical.h"

#include <gtest/gtest.h>

#include "core/mask.h"
#include "core/plan.h"

namespace sparsweep {
namespace {

std::string Canonical(const std::string& attention, PlanContext context = {12, 12, 128}) {
  const auto plan = Plan::Resolve(attention, context);
  return plan.ok() ? plan->canonical() : plan.status().message();
}

TEST(CanonicalForm, DropsNeutralAndTrivialTerms) {
  EXPECT_EQ(Canonical("random(0) + window(3)"), "window(3)");
  EXPECT_EQ(Canonical("window(3) + dense"), "dense");
  EXPECT_EQ(Canonical("window(3) & dense"), "window(3)");
  EXPECT_EQ(Canonical("window(3) & self"), "self");
  EXPECT_EQ(Canonical("window(0)"), "self");
  EXPECT_EQ(Canonical("global(0)"), "self");
  EXPECT_EQ(Canonical("random(0)"), "self");
  EXPECT_EQ(Canonical("global(0) + window(0) + random(0)"), "self");
  EXPECT_EQ(Canonical("bigbird(0, 0, 0)"), "self");
  EXPECT_EQ(Canonical("window(0, dilation=5)"), "self");
}

TEST(CanonicalForm, KeepsSelfWhereNothingElseHoldsTheDiagonal) {
  EXPECT_EQ(Canonical("random(0) + block(2, shift=1)"), "block(2, shift=1) + self");
  EXPECT_EQ(Canonical("self + block(2)"), "block(2)");
  EXPECT_EQ(Canonical("self & block(2, shift=1)"), "block(2, shift=1) & self");
  EXPECT_EQ(Canonical("self + block(2, shift=1) + window(1)"), "block(2, shift=1) + window(1)");
  EXPECT_EQ(Canonical("self + (block(2, shift=1) & window(9))"),
            "self + block(2, shift=1) & window(9)");
}

TEST(CanonicalForm, AbsorbsInsideAFamily) {
  EXPECT_EQ(Canonical("window(3) + window(1)"), "window(3)");
  EXPECT_EQ(Canonical("window(3) & window(1)"), "window(1)");
  EXPECT_EQ(Canonical("global(2) + global(5)"), "global(5)");
  EXPECT_EQ(Canonical("global(2) & global(5)"), "global(2)");
  EXPECT_EQ(Canonical("random(2) + random(5)"), "random(5)");
  EXPECT_EQ(Canonical("random(2, draw=plan) & random(5, draw=plan)"), "random(2, draw=plan)");
  EXPECT_EQ(Canonical("random(2, draw=plan) + random(5)"), "random(2, draw=plan) + random(5)");
  EXPECT_EQ(Canonical("window(density=0.2) + window(density=0.3)"), "window(density=0.3)");
  EXPECT_EQ(Canonical("window(density=0.2) + window(3)"), "window(3) + window(density=0.2)");
  EXPECT_EQ(Canonical("window(4) + window(2, dilation=2)"), "window(4)");
  EXPECT_EQ(Canonical("window(4) + window(3, dilation=2)"), "window(3, dilation=2) + window(4)");
  EXPECT_EQ(Canonical("window(2, dilation=2) + window(1, dilation=4)"), "window(2, dilation=2)");
}

TEST(CanonicalForm, AbsorbsAcrossFamiliesWhereEveryLengthAgrees) {
  EXPECT_EQ(Canonical("window(4) + strided(4)"), "strided(4)");
  EXPECT_EQ(Canonical("window(5) + strided(4)"), "strided(4) + window(5)");
  EXPECT_EQ(Canonical("window(9, dilation=8) + strided(4)"), "strided(4)");
  EXPECT_EQ(Canonical("window(8) + global(8) + bigbird_block(8)"), "bigbird_block(block=8)");
  EXPECT_EQ(Canonical("window(9) + bigbird_block(8)"), "bigbird_block(block=8) + window(9)");
  EXPECT_EQ(Canonical("fixed(4, 0) + window(3)"), "window(3)");
  EXPECT_EQ(Canonical("fixed(4, 0) & fixed(8, 1)"), "fixed(4, 0)");
  EXPECT_EQ(Canonical("fixed(4, 1) & fixed(8, 1)"), "fixed(4, 1) & fixed(8, 1)");
}

TEST(CanonicalForm, IsDenseForDegreesThatReachEverything) {
  EXPECT_EQ(Canonical("window(127)"), "dense");
  EXPECT_EQ(Canonical("window(126)"), "window(126)");
  EXPECT_EQ(Canonical("window(500, dilation=2)"), "window(500, dilation=2)");
  EXPECT_EQ(Canonical("global(127)"), "dense");
  EXPECT_EQ(Canonical("global(126)"), "global(126)");
  EXPECT_EQ(Canonical("random(127)"), "dense");
  EXPECT_EQ(Canonical("random(126)"), "random(126)");
  EXPECT_EQ(Canonical("block(1)"), "dense");
  EXPECT_EQ(Canonical("block(1, shift=3, over=max)"), "dense");
  EXPECT_EQ(Canonical("self", {1, 1, 1}), "self");
  EXPECT_EQ(Canonical("window(1)", {1, 1, 2}), "dense");
}

TEST(CanonicalForm, OfDensities) {
  EXPECT_EQ(Canonical("window(density=1)"), "dense");
  EXPECT_EQ(Canonical("global(density=1.0)"), "dense");
  EXPECT_EQ(Canonical("random(density=01.000)"), "dense");
  EXPECT_EQ(Canonical("window(density=1, dilation=2)"), "window(density=1, dilation=2)");
  EXPECT_EQ(Canonical("random(density=0)"), "self");
  EXPECT_EQ(Canonical("window(density=0.50)"), "window(density=0.5)");
  EXPECT_EQ(Canonical("window(density=00.000000000000000001)"),
            "window(density=0.000000000000000001)");
}

TEST(CanonicalForm, OfBlocksAndTheirShortSpelling) {
  const std::string split = "heads 0-9: block(2); heads 10-11: block(2, shift=1)";
  EXPECT_EQ(Canonical("blockbert(10:2)"), split);
  EXPECT_EQ(Canonical(split), split);
  EXPECT_EQ(Canonical("heads 10-11: block(2, shift=3); heads 0-9: block(2, shift=2)"), split);
  EXPECT_EQ(Canonical("blockbert(12:0)"), "block(2)");
  EXPECT_EQ(Canonical("blockbert(0:12)"), "block(2, shift=1)");
  EXPECT_EQ(Canonical("blockbert(12)"), "dense");
  EXPECT_EQ(Canonical("blockbert(8:2:2, over=max)"),
            "heads 0-7: block(3, over=max); heads 8-9: block(3, shift=1, over=max); "
            "heads 10-11: block(3, shift=2, over=max)");
  EXPECT_EQ(Canonical("heads 9-10: blockbert(10:2)"),
            "heads 9: block(2); heads 10: block(2, shift=1)");
  EXPECT_EQ(Canonical("blockbert(10:2) + window(1)"),
            "heads 0-9: block(2) + window(1); heads 10-11: block(2, shift=1) + window(1)");
}

TEST(CanonicalForm, OfSparseTransformersPatterns) {
  EXPECT_EQ(Canonical("strided(1)"), "dense");
  EXPECT_EQ(Canonical("strided(126)"), "strided(126)");
  EXPECT_EQ(Canonical("strided(127)"), "dense");
  EXPECT_EQ(Canonical("fixed(8, 8)"), "dense");
  EXPECT_EQ(Canonical("fixed(l=8, c=2)"), "fixed(8, 2)");
  EXPECT_EQ(Canonical("fixed(128, 0)"), "dense");
  EXPECT_EQ(Canonical("fixed(1, 0)"), "self");
  EXPECT_EQ(Canonical("fixed(8, 2) + fixed(8, 3)"), "fixed(8, 3)");
  EXPECT_EQ(Canonical("fixed(8, 2) + fixed(16, 2)"), "fixed(8, 2) + fixed(16, 2)");
  EXPECT_EQ(Canonical("fairseq_fixed(32, 8)"), "fairseq_fixed(32, 8)");
  EXPECT_EQ(Canonical("fairseq_fixed(32, 8) & fairseq_fixed(32, 4) & self"), "self");
  EXPECT_EQ(Canonical("fairseq_fixed(32, 8) & fairseq_fixed(32, 4)"), "fairseq_fixed(32, 4)");
  EXPECT_EQ(Canonical("longformer(3)"), "window(3)");
  EXPECT_EQ(Canonical("longformer(3, 2)"), "global(2) + window(3)");
  EXPECT_EQ(Canonical("longformer(3, g=2)"), Canonical("bigbird(2, 3, 0)"));
}

TEST(CanonicalForm, OfBigBirdBlock) {
  const PlanContext long_texts{12, 12, 4096};
  EXPECT_EQ(Canonical("bigbird_block"), "dense");
  EXPECT_EQ(Canonical("bigbird_block", long_texts), "bigbird_block");
  EXPECT_EQ(Canonical("bigbird_block(64, 3, set, 4096, zeros)", long_texts), "bigbird_block");
  EXPECT_EQ(Canonical("bigbird_block(max_positions=512, eval=draw)", long_texts), "bigbird_block");
  // 4 + r blocks of a set are always everything, and so are (5 + 2r) blocks as transformers runs
  // it.
  EXPECT_EQ(Canonical("bigbird_block", {12, 12, 448}), "dense");
  EXPECT_EQ(Canonical("bigbird_block", {12, 12, 449}), "bigbird_block");
  EXPECT_EQ(Canonical("bigbird_block(exact=hf)", {12, 12, 704}), "dense");
  EXPECT_EQ(Canonical("bigbird_block(exact=hf)", {12, 12, 705}), "bigbird_block(exact=hf)");
  // Lists depend on max_positions at 1024, 3072 and 4096 tokens alone, padded to whole blocks.
  EXPECT_EQ(Canonical("bigbird_block(exact=hf, max_positions=2048)", {12, 12, 960}),
            "bigbird_block(exact=hf)");
  EXPECT_EQ(Canonical("bigbird_block(exact=hf, max_positions=2048)", {12, 12, 961}),
            "bigbird_block(exact=hf, max_positions=2048)");
  EXPECT_EQ(Canonical("bigbird_block(exact=hf, eval=draw)", long_texts),
            "bigbird_block(exact=hf, eval=draw)");
  EXPECT_EQ(Canonical("bigbird_block(exact=hf, r=0, eval=draw, max_positions=8192)", long_texts),
            "bigbird_block(r=0, exact=hf)");
  // Canonical text is legal even where its default would not do for other arguments.
  const PlanContext longer{12, 12, 5000};
  for (const char* text : {"bigbird_block(r=0, exact=hf)", "bigbird_block(block=100, exact=hf)"}) {
    EXPECT_EQ(Canonical(text, longer), text);
    EXPECT_EQ(Canonical(text, longer), Canonical(Canonical(text, longer), longer));
  }
  EXPECT_EQ(Canonical("bigbird_block(100, exact=hf, max_positions=8192)", longer),
            "bigbird_block(block=100, exact=hf)");
  EXPECT_EQ(Canonical("bigbird_block(exact=hf, max_positions=8192)", longer),
            "bigbird_block(exact=hf, max_positions=8192)");
  EXPECT_EQ(Canonical("bigbird_block(r=2) + bigbird_block + self", long_texts), "bigbird_block");
  EXPECT_EQ(Canonical("bigbird_block(32) + bigbird_block", long_texts),
            "bigbird_block(block=32) + bigbird_block");
}

TEST(CanonicalForm, OfTextsAndExamples) {
  EXPECT_EQ(Canonical("syntax(1)"), "syntax");
  EXPECT_EQ(Canonical("syntax(2) + syntax + self"), "syntax(2)");
  EXPECT_EQ(Canonical("lexical(3) & lexical(k=2, by=model)"), "lexical(2)");
  EXPECT_EQ(Canonical("lexical(3) + lexical(2, by=glove)"), "lexical(2, by=glove) + lexical(3)");
  EXPECT_EQ(Canonical("lexical(threshold=0.50) + lexical(threshold=0.7)"),
            "lexical(threshold=0.5)");
  EXPECT_EQ(Canonical("lexical(density=0.2)"), "lexical(density=0.2)");
  // They keep the pieces of a word together whatever their degree, and special tokens apart.
  EXPECT_EQ(Canonical("lexical(density=0)"), "lexical(0)");
  EXPECT_EQ(Canonical("lexical(density=1)"), "lexical(density=1)");
  EXPECT_EQ(Canonical("lexical(0) + lexical(threshold=1)"), "lexical(threshold=1)");
  EXPECT_EQ(Canonical("syntax(0)"), "syntax(0)");
  EXPECT_EQ(Canonical("random(2, example)"), "random(2, each=example)");
  EXPECT_EQ(Canonical("random(2, each=example) + random(3, each=example)"),
            "random(3, each=example)");
  EXPECT_EQ(Canonical("random(2, each=example) + random(3)"),
            "random(2, each=example) + random(3)");
  EXPECT_EQ(Canonical("bigbird(1, 2, 3, draw=plan, each=example)"),
            "global(1) + random(3, each=example, draw=plan) + window(2)");
}

TEST(CanonicalForm, OfLearnedDegrees) {
  EXPECT_EQ(Canonical("learned_window"), "learned_window");
  EXPECT_EQ(Canonical("learned_window(127, layer, sample)"), "learned_window");
  EXPECT_EQ(Canonical("learned_window(20, harden=mean)"), "learned_window(max=20, harden=mean)");
  EXPECT_EQ(Canonical("last 1: learned_window(per=head)", {2, 2, 64}),
            "layers 1: learned_window(per=head)");
  EXPECT_EQ(Canonical("adaptive_span(127, 32)"), "adaptive_span");
  EXPECT_EQ(Canonical("adaptive_span(max=64, ramp=8)"), "adaptive_span(max=64, ramp=8)");
  EXPECT_EQ(Canonical("learned_window; all: window(1)"), "window(1)");
}

TEST(CanonicalForm, DoesNotSeeOrderNestingOrRepetition) {
  const std::string three = "global(1) + random(3) + window(2)";
  for (const char* text :
       {"bigbird(1, 2, 3)", "window(2) + random(3) + global(1)",
        "(window(2) + (random(3))) + (global(1) + window(2))", "bigbird(r=3, w=2, g=1)",
        "bigbird(1, 2, 3, length, head) + bigbird(1, 2, 3)", "window(2)+(self+bigbird(1,2,3))"}) {
    EXPECT_EQ(Canonical(text), three) << text;
  }
  EXPECT_EQ(Canonical("window(2) & (global(1) & block(2))"), "block(2) & global(1) & window(2)");
  EXPECT_EQ(Canonical("block(2) & (window(2) + global(1))"), "block(2) & (global(1) + window(2))");
  EXPECT_EQ(Canonical("window(10) + window(9, dilation=3) + window(2, dilation=7)"),
            "window(2, dilation=7) + window(9, dilation=3) + window(10)");
}

TEST(CanonicalForm, AppliesTheLawsOfAbsorption) {
  EXPECT_EQ(Canonical("window(1) + (window(1) & block(2))"), "window(1)");
  EXPECT_EQ(Canonical("window(1) & (window(1) + block(2))"), "window(1)");
  EXPECT_EQ(Canonical("window(3) + (window(1) & block(2))"), "window(3)");
  EXPECT_EQ(Canonical("window(1) & (window(3) + block(2))"), "window(1)");
  EXPECT_EQ(Canonical("(window(1) & block(2)) + (block(2) & window(1))"), "block(2) & window(1)");
  // One factor of the product lies within the whole, so the product is that factor.
  EXPECT_EQ(Canonical("window(3) + (block(2) & (window(2) + global(1)) & window(9)) + global(1)"),
            "global(1) + window(3)");
}

TEST(CanonicalForm, ListsTheCellsOfEachPatternInOrder) {
  EXPECT_EQ(Canonical("all: window(3)"), "window(3)");
  EXPECT_EQ(Canonical("first 6: window(3); last 6: window(3)"), "window(3)");
  EXPECT_EQ(Canonical("last 1: self", {2, 2, 64}), "layers 1: self");
  EXPECT_EQ(Canonical("layer 1,3,5-8: self"), "layers 1,3,5-8: self");
  EXPECT_EQ(Canonical("layers 0,1,1-2 heads 3: self"), "layers 0-2 heads 3: self");
  EXPECT_EQ(Canonical("window(1); last 1: self", {2, 2, 64}),
            "layers 0: window(1); layers 1: self");
  EXPECT_EQ(Canonical("last 1: self; heads 1: window(1)", {2, 2, 64}),
            "heads 1: window(1); layers 1 heads 0: self");
  EXPECT_EQ(Canonical("layer 0 head 0: self; layer 1 head 1: self", {2, 2, 64}),
            "layers 0 heads 0: self; layers 1 heads 1: self");
}

TEST(CanonicalForm, LeavesNoTraceOfWhatIsOverridden) {
  EXPECT_EQ(Canonical("all: window(1); all: dense"), "dense");
  EXPECT_EQ(Canonical("random(3); all: window(1)"), "window(1)");
  EXPECT_EQ(Canonical("random(3); first 6: window(1); last 6: window(1)"), "window(1)");
  EXPECT_EQ(Canonical("window(1); last 1: dense", {2, 2, 64}), "layers 0: window(1)");
}

TEST(Plan, DrawsOnlyIfADrawSurvives) {
  const auto draws = [](const std::string& text) {
    return Plan::Resolve(text, {2, 2, 64})->draws();
  };
  EXPECT_TRUE(draws("last 1: window(1) + random(1)"));
  EXPECT_TRUE(draws("window(9) & random(density=0.5)"));
  EXPECT_TRUE(draws("bigbird_block(2)"));
  EXPECT_TRUE(draws("learned_window"));
  EXPECT_FALSE(draws("random(0) + window(1)"));
  EXPECT_FALSE(draws("random(63)"));
  EXPECT_FALSE(draws("random(2) + dense"));
  EXPECT_FALSE(draws("random(2); all: self"));
  EXPECT_FALSE(draws("random(2) & self"));
  EXPECT_FALSE(draws("bigbird_block"));
  EXPECT_FALSE(draws("bigbird_block(2, exact=hf)")) << "its seed is the layer";
  EXPECT_FALSE(draws("learned_window(harden=mean)"));
  EXPECT_FALSE(draws("adaptive_span"));
}

TEST(Plan, SaysWhatItsMasksDependOn) {
  const auto depends = [](const std::string& text) {
    const Plan plan = Plan::Resolve(text, {2, 2, 64}).value();
    const Pattern& first = plan.at(0, 0);
    return std::string(plan.needs_text() ? "text " : "") + (plan.per_example() ? "example " : "") +
           (plan.learned() ? "learned " : "") + (plan.weighted() ? "weighted " : "") +
           (DependsOnHead(first) ? "head " : "") + (DependsOnPhase(first) ? "phase " : "");
  };
  EXPECT_EQ(depends("window(2) + global(1)"), "");
  EXPECT_EQ(depends("random(2)"), "head ");
  EXPECT_EQ(depends("random(2, draw=plan)"), "");
  EXPECT_EQ(depends("random(2, draw=plan, each=example)"), "example ");
  EXPECT_EQ(depends("random(2, each=example) & self"), "");
  EXPECT_EQ(depends("syntax & window(9)"), "text example ");
  EXPECT_EQ(depends("lexical(1) + self"), "text example ");
  EXPECT_EQ(depends("adaptive_span"), "learned head ");
  EXPECT_EQ(depends("bigbird_block(2)"), "head ");
  EXPECT_EQ(depends("bigbird_block(2, exact=hf)"), "weighted head phase ");
  EXPECT_EQ(depends("bigbird_block(2, exact=hf, eval=draw)"), "weighted head ");
}

TEST(Plan, SharesOneObjectAmongCellsWithEqualPatterns) {
  const auto plan =
      Plan::Resolve("last 2 heads 0: window(1); first 1: window(1) + self", {4, 2, 64});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(&plan->at(0, 0), &plan->at(3, 0));
  EXPECT_EQ(ToText(plan->at(0, 1)), "window(1)");
  EXPECT_EQ(ToText(plan->at(1, 0)), "dense");
  EXPECT_EQ(plan->patterns().size(), 2u);
  EXPECT_FALSE(plan->is_dense());
  EXPECT_TRUE(Plan::Resolve("window(63)", {4, 2, 64})->is_dense());
}

TEST(Plan, OfAMillionCellsNeedsOneReduction) {
  const auto plan = Plan::Resolve("first 1 head 0: self", {1000, 1000, 64});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->canonical(), "layers 0 heads 0: self");
}

// Two towers global(g) + window(w) & (global(g + 1) + window(w - 1) & (...)), the first within the
// second at every level except the last: whether it is within can only be found at the bottom, over
// all paths there, unless pairs once compared are remembered.
TEST(CanonicalForm, OfHostileNestingIsStillQuick) {
  constexpr int kHeight = 40;
  const auto tower = [](int g, int w, const std::string& bottom) {
    std::string text = bottom;
    for (int level = kHeight; level > 0; --level) {
      text = "global(" + std::to_string(g + level) + ") + window(" + std::to_string(w - level) +
             ") & (" + text + ")";
    }
    return text;
  };
  const PlanContext context{1, 1, 1000};
  const std::string small = tower(100, 200, "block(2)"), large = tower(200, 400, "block(3)");
  const std::string once = Canonical(small + " + " + large, context);
  EXPECT_NE(once.find("block(2)"), std::string::npos);
  EXPECT_NE(once.find("block(3)"), std::string::npos);
  EXPECT_EQ(Canonical(once, context), once);
  EXPECT_EQ(Canonical(large + " + " + small, context), once);
  EXPECT_EQ(Canonical(tower(100, 200, "block(3)") + " + " + large, context),
            Canonical(large, context));
}

// As many incomparable terms as are legal.
TEST(CanonicalForm, OfManyTermsIsStillQuick) {
  std::string text;
  for (int i = 0; i < 256; ++i) {
    text += (i == 0       ? ""
             : i % 2 == 0 ? " + "
                          : " & ") +
            ("window(1, dilation=" + std::to_string(1009 - i * 2) + ")");
  }
  const std::string once = Canonical(text, {1, 1, 128});
  EXPECT_EQ(Canonical(once, {1, 1, 128}), once);
}

}  // namespace
}  // namespace sparsweep
