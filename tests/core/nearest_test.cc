// "Did you mean".
#include "core/nearest.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

const std::vector<std::string> kNames = {"dense", "window", "global", "random"};

TEST(EditDistance, CountsInsertionsDeletionsSubstitutionsAndSwaps) {
  EXPECT_EQ(EditDistance("window", "window"), 0);
  EXPECT_EQ(EditDistance("windo", "window"), 1);
  EXPECT_EQ(EditDistance("windoow", "window"), 1);
  EXPECT_EQ(EditDistance("wandow", "window"), 1);
  EXPECT_EQ(EditDistance("widnow", "window"), 1);
  EXPECT_EQ(EditDistance("", "window"), 6);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
}

TEST(NearestName, FindsASlipAndNothingFarAway) {
  EXPECT_EQ(NearestName("windwo", kNames), "window");
  EXPECT_EQ(NearestName("globl", kNames), "global");
  EXPECT_EQ(NearestName("banana", kNames), std::nullopt);
  EXPECT_EQ(NearestName("x", kNames), std::nullopt);
  EXPECT_EQ(NearestName("window", {}), std::nullopt);
  EXPECT_EQ(NearestName(std::string(100'000, 'w'), kNames), std::nullopt);
}

TEST(NearestName, OfEquallyNearOnesIsTheFirst) {
  EXPECT_EQ(NearestName("ac", {"ab", "ad"}), "ab");
  EXPECT_EQ(NearestName("b", {"a", "c"}), std::nullopt) << "one letter that differs is no slip";
}

TEST(DidYouMean, NamesTheNearestOrAllThatAreKnown) {
  EXPECT_EQ(DidYouMean("gobal", kNames), "; did you mean \"global\"?");
  EXPECT_EQ(DidYouMean("banana", kNames), "; known: dense, window, global, random");
  EXPECT_EQ(DidYouMean("banana", {}), "");
}

}  // namespace
}  // namespace sparsweep
