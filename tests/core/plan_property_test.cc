// Laws of parse, print and canonical form over random plans (fixed seeds).
#include <gtest/gtest.h>

#include <map>

#include "core/attention_parser.h"
#include "core/canonical.h"
#include "core/containment.h"
#include "core/plan.h"
#include "tests/core/pattern_oracle.h"

namespace sparsweep {
namespace {

constexpr PlanContext kSmall{3, 4, 11};

std::string AnyAttention(oracle::Dice& dice, int depth) {
  std::string text;
  for (int count = 1 + dice.Below(3); count > 0; --count) {
    if (!text.empty()) text += "; ";
    text += dice.AnyScope(kSmall.layers, kSmall.heads) + ToText(dice.AnyRule(kSmall.heads, depth));
  }
  return text;
}

Plan Resolved(const std::string& text) {
  auto plan = Plan::Resolve(text, kSmall);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return *std::move(plan);
}

// The masks that the text itself says, cell by cell: the last rule that names a cell, undisturbed
// by the canonical form.
Mask AsWritten(const std::vector<AttentionRule>& rules, int n, const MaskContext& context) {
  Pattern pattern{Dense{}};
  for (const AttentionRule& rule : rules) {
    if (rule.layers[context.layer] && rule.heads[context.head]) pattern = rule.pattern;
  }
  return BuildMask(pattern, n, context);
}

// The masks of all cells at all lengths up to L_max, end to end.
std::string AllMasks(const Plan& plan, uint64_t seed) {
  std::string all;
  for (int n = 1; n <= kSmall.max_length; ++n) {
    for (int layer = 0; layer < kSmall.layers; ++layer) {
      for (int head = 0; head < kSmall.heads; ++head) {
        for (const Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
          const MaskContext context =
              oracle::ContextOf(seed, layer, head, kSmall.max_length, phase);
          const Mask mask = BuildMask(plan.at(layer, head), n, context);
          for (int query = 0; query < n; ++query) all += mask.RowHex(query);
        }
      }
    }
  }
  return all;
}

TEST(PlanProperty, PatternsReadBackAsTheyArePrinted) {
  oracle::Dice dice(11);
  for (int round = 0; round < 5000; ++round) {
    const Pattern pattern = dice.AnyPattern(kSmall.heads, 3);
    const auto rules = ParseAttention({ToText(pattern), {}}, kSmall);
    ASSERT_TRUE(rules.ok()) << rules.status().message();
    ASSERT_EQ(ToText((*rules)[0].pattern), ToText(pattern));
    for (int head = 0; head < kSmall.heads; ++head) {
      const MaskContext context = oracle::ContextOf(1, 0, head, 9);
      ASSERT_EQ(BuildMask((*rules)[0].pattern, 7, context), BuildMask(pattern, 7, context))
          << ToText(pattern);
    }
  }
}

TEST(PlanProperty, CanonicalTextIsLegalAndIdempotent) {
  oracle::Dice dice(12);
  for (int round = 0; round < 5000; ++round) {
    const std::string text = AnyAttention(dice, 3);
    const Plan plan = Resolved(text);
    const Plan again = Resolved(plan.canonical());
    ASSERT_EQ(again.canonical(), plan.canonical()) << text;
    ASSERT_EQ(again.draws(), plan.draws()) << text;
    for (int layer = 0; layer < kSmall.layers; ++layer) {
      for (int head = 0; head < kSmall.heads; ++head) {
        ASSERT_EQ(again.at(layer, head), plan.at(layer, head)) << text;
      }
    }
  }
}

TEST(PlanProperty, CanonicalFormKeepsEveryMask) {
  oracle::Dice dice(13);
  for (int round = 0; round < 1500; ++round) {
    const std::string text = AnyAttention(dice, 2);
    const Plan plan = Resolved(text);
    const auto rules = ParseAttention({text, {}}, kSmall);
    ASSERT_TRUE(rules.ok());
    for (int n = 1; n <= kSmall.max_length; ++n) {
      for (int layer = 0; layer < kSmall.layers; ++layer) {
        for (int head = 0; head < kSmall.heads; ++head) {
          const MaskContext context =
              oracle::ContextOf(7, layer, head, kSmall.max_length, static_cast<Phase>(n % 2));
          ASSERT_EQ(BuildMask(plan.at(layer, head), n, context), AsWritten(*rules, n, context))
              << text << " -> " << plan.canonical() << " at length " << n;
        }
      }
    }
  }
}

TEST(PlanProperty, CanonicalFormKeepsEveryMaskWhateverTheMaximalLength) {
  oracle::Dice dice(19);
  for (int round = 0; round < 1500; ++round) {
    const int max_length = 11 + dice.Below(90);
    const std::string text = ToText(dice.AnyRule(kSmall.heads, 2));
    const auto plan = Plan::Resolve(text, {1, kSmall.heads, max_length});
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const auto rules = ParseAttention({text, {}}, plan->context());
    ASSERT_TRUE(rules.ok());
    for (const int n : {max_length, 1 + dice.Below(max_length), 1 + dice.Below(max_length)}) {
      const MaskContext context = oracle::ContextOf(dice.Below(9), 0, dice.Below(kSmall.heads),
                                                    max_length, static_cast<Phase>(round % 2));
      ASSERT_EQ(BuildMask(plan->at(0, context.head), n, context), AsWritten(*rules, n, context))
          << text << " -> " << plan->canonical() << " at length " << n << " of " << max_length;
    }
  }
}

TEST(PlanProperty, EqualCanonicalTextMeansEqualMasks) {
  oracle::Dice dice(14);
  std::map<std::string, std::string> masks;
  int met_again = 0;
  for (int round = 0; round < 3000; ++round) {
    const Plan plan = Resolved(ToText(dice.AnyRule(kSmall.heads, 1)));
    const auto [known, is_new] = masks.try_emplace(plan.canonical());
    const std::string all = AllMasks(plan, 3);
    if (is_new) known->second = all;
    met_again += !is_new;
    ASSERT_EQ(all, known->second) << plan.canonical();
  }
  EXPECT_GT(met_again, 500);
}

TEST(PlanProperty, OrderNestingAndRepetitionDoNotMatter) {
  oracle::Dice dice(15);
  for (int round = 0; round < 5000; ++round) {
    const Pattern pattern = dice.AnyPattern(kSmall.heads, 3);
    const Pattern scrambled = dice.Scrambled(pattern);
    ASSERT_EQ(Resolved(ToText(scrambled)).canonical(), Resolved(ToText(pattern)).canonical())
        << ToText(pattern) << " as " << ToText(scrambled);
  }
}

TEST(PlanProperty, ALawOfTheLatticeDoesNotChangeThePattern) {
  oracle::Dice dice(16);
  for (int round = 0; round < 3000; ++round) {
    const std::string a = "(" + ToText(dice.AnyPattern(kSmall.heads, 2)) + ")";
    const std::string b = "(" + ToText(dice.AnyPattern(kSmall.heads, 2)) + ")";
    const std::string canonical = Resolved(a).canonical();
    for (const std::string& same :
         {a + " + " + a, a + " & " + a, a + " + " + a + " & " + b, a + " & (" + a + " + " + b + ")",
          a + " & dense", b + " & (" + a + " + " + b + ") & " + a + " + " + a}) {
      ASSERT_EQ(Resolved(same).canonical(), canonical) << same;
    }
    ASSERT_TRUE(Resolved(a + " + dense").is_dense());
  }
}

// What the canonical form rests on: a partial order of single patterns, true at every length.
TEST(PlanProperty, ContainmentIsTrueAtEveryLengthAndTransitive) {
  oracle::Dice dice(18);
  std::map<Pattern, std::vector<Mask>> atoms;
  while (atoms.size() < 160) {
    const Pattern atom = Canonical(dice.AnyPattern(kSmall.heads, 0), 1000);
    if (atom.As<BlockBert>() != nullptr || !atoms.try_emplace(atom).second) continue;
    for (int n = 1; n <= 33; ++n) {
      atoms[atom].push_back(BuildMask(atom, n, oracle::ContextOf(5, 1, 2, 40)));
    }
  }
  int found = 0;
  for (const auto& [a, masks_of_a] : atoms) {
    for (const auto& [b, masks_of_b] : atoms) {
      if (a == b || !IsKnownToBeWithin(a, b)) continue;
      ++found;
      ASSERT_FALSE(IsKnownToBeWithin(b, a)) << ToText(a) << " and " << ToText(b);
      for (size_t at = 0; at < masks_of_a.size(); ++at) {
        for (int row = 0; row < masks_of_a[at].length(); ++row) {
          ASSERT_EQ(*masks_of_a[at].row(row) & ~*masks_of_b[at].row(row), 0u)
              << ToText(a) << " is not within " << ToText(b) << " at length " << at + 1;
        }
      }
      for (const auto& [c, masks_of_c] : atoms) {
        if (!IsKnownToBeWithin(b, c)) continue;
        ASSERT_TRUE(IsKnownToBeWithin(a, c))
            << ToText(a) << " within " << ToText(b) << " within " << ToText(c);
      }
    }
  }
  EXPECT_GT(found, 500);
}

TEST(PlanProperty, TheWholePlanCanBeScrambledToo) {
  oracle::Dice dice(17);
  for (int round = 0; round < 1500; ++round) {
    // Rules over disjoint layers may stand in any order; what comes before an `all` leaves no
    // trace.
    std::vector<Pattern> patterns;
    for (int layer = 0; layer < kSmall.layers; ++layer) {
      patterns.push_back(dice.AnyPattern(kSmall.heads, 2));
    }
    std::string forward, backward = AnyAttention(dice, 1) + "; all: self";
    for (int layer = 0; layer < kSmall.layers; ++layer) {
      const int mirrored = kSmall.layers - 1 - layer;
      forward += (layer > 0 ? "; layer " : "layer ") + std::to_string(layer) + ": " +
                 ToText(patterns[layer]);
      backward += "; layers " + std::to_string(mirrored) +
                  " heads 0-3: " + ToText(dice.Scrambled(patterns[mirrored]));
    }
    ASSERT_EQ(Resolved(forward).canonical(), Resolved(backward).canonical()) << forward;
  }
}

}  // namespace
}  // namespace sparsweep
