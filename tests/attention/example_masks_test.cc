// Masks of examples: built once, shared where equal or still in use, ahead of who needs them, and
// forgotten beyond the bound.
#include "attention/example_masks.h"

#include <gtest/gtest.h>

#include <atomic>

#include "core/plan.h"

namespace sparsweep {
namespace {

constexpr int kLength = 20;

// Examples draw by their number; equal ones where `alike`.
struct Source {
  explicit Source(bool alike = false, int64_t recent_bytes = int64_t{1} << 25)
      : masks(SharedExampleMasks(
            [this, alike](const Pattern& pattern, const MaskContext& context, int64_t example) {
              ++built;
              MaskContext own = context;
              own.example_key = alike ? 1 : static_cast<uint64_t>(example);
              return BuildMask(pattern, kLength, own);
            },
            recent_bytes)) {}
  std::atomic<int> built = 0;
  ExampleMasks masks;
};

const Plan& DrawsPerHead() {
  static const Plan plan = Plan::Resolve("random(2, each=example)", {2, 2, 32}).value();
  return plan;
}

std::vector<ExampleTiles::Item> Items() {
  return {{&DrawsPerHead().at(0, 0), {5, 0, 0, 32}}, {&DrawsPerHead().at(0, 1), {5, 0, 1, 32}}};
}

Mask Expected(int item, int64_t example) {
  MaskContext own = Items()[item].context;
  own.example_key = static_cast<uint64_t>(example);
  return BuildMask(*Items()[item].pattern, kLength, own);
}

// Of a mask that fits into one tile.
Mask Entries(const Tiles& tiles) {
  Mask mask(tiles.length);
  const Tiles::Entry& entry = tiles.parts.at(0).by_query.entries.at(0);
  for (int i = 0; i < tiles.length; ++i) mask.row(i)[0] = tiles.bits.at(entry.bits)[i];
  return mask;
}

TEST(SharedExampleMasks, AreNotBuiltAgainWhileSomebodyHoldsThem) {
  Source source(false, 0);
  const Pattern& pattern = DrawsPerHead().at(0, 0);
  auto held = source.masks(pattern, {5, 0, 0, 32}, 7);
  EXPECT_EQ(source.masks(pattern, {5, 0, 0, 32}, 7), held);
  EXPECT_EQ(source.built, 1);
  held = nullptr;
  source.masks(pattern, {5, 0, 0, 32}, 7);
  EXPECT_EQ(source.built, 2);
}

TEST(SharedExampleMasks, AreNotBuiltAgainWhileTheyAreRecent) {
  Source source(false, 1000);  // two of them
  const Pattern& pattern = DrawsPerHead().at(0, 0);
  for (int64_t example : {1, 2, 1, 2}) source.masks(pattern, {5, 0, 0, 32}, example);
  EXPECT_EQ(source.built, 2);
  for (int64_t example : {3, 4, 5, 1}) source.masks(pattern, {5, 0, 0, 32}, example);
  EXPECT_EQ(source.built, 6);
}

TEST(SharedExampleMasks, TellExamplesHeadsAndPatternsApart) {
  Source source;
  const Pattern& pattern = DrawsPerHead().at(0, 0);
  const Pattern other = Plan::Resolve("random(3, each=example)", {2, 2, 32}).value().at(0, 0);
  const auto held = source.masks(pattern, {5, 0, 0, 32}, 7);
  for (const auto& mask :
       {source.masks(pattern, {5, 0, 0, 32}, 8), source.masks(pattern, {5, 0, 1, 32}, 7),
        source.masks(pattern, {5, 1, 0, 32}, 7), source.masks(other, {5, 0, 0, 32}, 7)}) {
    EXPECT_NE(mask->mask, held->mask);
  }
}

TEST(ExampleTiles, GiveEachExampleAndItemItsMask) {
  Source source;
  ExampleTiles tiles(source.masks, Items());
  for (int64_t example : {0, 3, 4}) {
    for (int item : {0, 1}) EXPECT_EQ(Entries(*tiles.Get(item, example)), Expected(item, example));
  }
  EXPECT_EQ(tiles.built(), 6);
  EXPECT_GT(tiles.waited_seconds(), 0);
}

TEST(ExampleTiles, AreBuiltOnceAndAheadOfWhoAsked) {
  Source source;
  ExampleTiles tiles(source.masks, Items());
  tiles.Prefetch({1, 2, 3});
  // Whoever comes first builds them: the background or this thread.
  const auto first = tiles.Get(1, 3);
  for (int64_t example : {1, 2, 3}) {
    for (int item : {0, 1}) EXPECT_EQ(Entries(*tiles.Get(item, example)), Expected(item, example));
  }
  EXPECT_EQ(tiles.Get(1, 3), first);
  EXPECT_EQ(tiles.built(), 6);
}

TEST(ExampleTiles, ShareEqualMasks) {
  Source source(/*alike=*/true);
  ExampleTiles tiles(source.masks, Items());
  EXPECT_EQ(tiles.Get(0, 1), tiles.Get(0, 2));
  EXPECT_NE(tiles.Get(0, 1), tiles.Get(1, 1)) << "heads draw apart";
}

TEST(ExampleTiles, ForgetTheOldestBeyondTheBoundAndBuildThemAgain) {
  Source source;
  const int64_t of_one = ExampleTiles(source.masks, Items()).Get(0, 0)->bytes() + 200;
  ExampleTiles tiles(source.masks, Items(), 3 * of_one);
  const auto in_use = tiles.Get(0, 0);
  for (int64_t example : {1, 2}) tiles.Get(0, example);
  EXPECT_FALSE(tiles.forgot());
  tiles.Get(0, 3);
  EXPECT_TRUE(tiles.forgot());
  EXPECT_EQ(Entries(*in_use), Expected(0, 0)) << "who uses it keeps it";
  tiles.Get(0, 3);
  EXPECT_EQ(tiles.built(), 4) << "the newest stayed";
  EXPECT_EQ(Entries(*tiles.Get(0, 0)), Expected(0, 0));
  EXPECT_EQ(tiles.built(), 5) << "the oldest went";
}

}  // namespace
}  // namespace sparsweep
