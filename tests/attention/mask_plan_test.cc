// Which heads share masks, which path a layer takes, and the cache behind it.
#include "attention/mask_plan.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

Mask Entries(const Tiles& tiles) {
  Mask mask(tiles.length);
  for (const Tiles::Part& part : tiles.parts) {
    for (const Tiles::Strip& strip : part.by_query.strips) {
      for (int e = strip.first; e < strip.last; ++e) {
        const Tiles::Entry& entry = part.by_query.entries[e];
        for (int r = 0; r < strip.count; ++r) {
          for (int c = 0; c < entry.count; ++c) {
            if (entry.bits < 0 || (tiles.bits[entry.bits][r] >> c & 1))
              mask.Keep(strip.begin + r, entry.begin + c);
          }
        }
      }
    }
  }
  return mask;
}

std::shared_ptr<const MaskPlan> Make(const Plan& plan, uint64_t seed, std::set<int> lengths,
                                     PathChoice choice, MaskCache& cache) {
  return MaskPlan::Make(plan, {seed, choice, {}, {}}, lengths, cache).value();
}

Plan Resolve(const std::string& text) { return Plan::Resolve(text, {3, 4, 32}).value(); }

TEST(MaskPlan, SharesSlotsWhereHeadsHaveEqualMasks) {
  MaskCache cache;
  auto masks = Make(Resolve("heads 0-1: window(1); heads 3: window(1)"), 0, {3, 20},
                    PathChoice::kAuto, cache);
  const LayerMasks& layer = masks->layer(0);
  EXPECT_EQ(layer.slots(), 2);
  EXPECT_EQ((std::vector{layer.slot(0), layer.slot(1), layer.slot(2), layer.slot(3)}),
            (std::vector{0, 0, 1, 0}));
  EXPECT_EQ(&masks->layer(0), &masks->layer(2)) << "equal layers are one object";
}

TEST(MaskPlan, OneDrawForThePlanIsOneMask) {
  MaskCache cache;
  auto shared = Make(Resolve("random(2, draw=plan)"), 4, {20}, PathChoice::kAuto, cache);
  EXPECT_EQ(shared->layer(0).slots(), 1);
  EXPECT_EQ(&shared->layer(0), &shared->layer(1));
  auto own = Make(Resolve("random(2)"), 4, {20}, PathChoice::kAuto, cache);
  EXPECT_EQ(own->layer(0).slots(), 4);
  EXPECT_NE(&own->layer(0), &own->layer(1));
}

TEST(MaskPlan, GivesEachHeadTheMaskOfItsPattern) {
  MaskCache cache;
  Plan plan = Resolve("layers 1-2 heads 2: random(3); heads 0: block(2, shift=1)");
  auto masks = Make(plan, 11, {1, 7, 32}, PathChoice::kMasked, cache);
  for (int layer = 0; layer < 3; ++layer) {
    for (int head = 0; head < 4; ++head) {
      for (int length : {1, 7, 32}) {
        const LayerMasks& of = masks->layer(layer);
        EXPECT_EQ(Entries(*of.tiles(of.slot(head), length, -1, Phase::kTraining)),
                  BuildMask(plan.at(layer, head), length, {11, layer, head, 32}));
      }
    }
  }
}

TEST(MaskPlan, TakesTheDensePathOnlyWhereAHeadKeepsEverything) {
  MaskCache cache;
  auto masks = Make(Resolve("layer 1: window(9); layer 2 heads 1: window(1)"), 0, {5, 10},
                    PathChoice::kAuto, cache);
  EXPECT_EQ(masks->layer(0).path(0), AttentionPath::kDense);
  EXPECT_EQ(masks->layer(1).path(0), AttentionPath::kDense) << "no text is longer than ten tokens";
  EXPECT_EQ(masks->layer(2).path(1), AttentionPath::kWindow);
  EXPECT_EQ(masks->layer(2).path(0), AttentionPath::kDense) << "heads have paths of their own";
}

TEST(MaskCache, KeepsMasksOfOtherTrialsUnlessTheyDrawDifferently) {
  MaskCache cache;
  auto mask = [&](const char* text, uint64_t seed) {
    return cache.Get(Resolve(text).at(0, 0), 12, {seed, 0, 0, 32});
  };
  EXPECT_EQ(mask("window(2)", 1), mask("window(2)", 2));
  EXPECT_EQ(mask("random(2)", 1), mask("random(2)", 1));
  EXPECT_NE(mask("random(2)", 1), mask("random(2)", 2));
  EXPECT_EQ(mask("window(11)", 1), mask("dense", 1)) << "equal masks are one object";
}

TEST(MaskCache, StartsAfreshWhenFullAndLeavesMasksInUseAlone) {
  MaskCache cache(/*max_bytes=*/200);
  auto first = cache.Get(Resolve("window(2)").at(0, 0), 12, {0, 0, 0, 32});
  auto second = cache.Get(Resolve("window(3)").at(0, 0), 20, {0, 0, 0, 32});
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(first->mask, BuildMask(Resolve("window(2)").at(0, 0), 12, {0, 0, 0, 32}));
  EXPECT_EQ(second->kept, second->mask.kept());
}

}  // namespace
}  // namespace sparsweep
