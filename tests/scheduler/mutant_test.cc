// The laws of the simulation are seen to fail: each mechanism of the scheduler (mechanism.h) is
// switched off in turn, and so are two promises of the server around it.
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>

#include "scheduler/mechanism.h"
#include "tests/scheduler/simulation.h"

namespace sparsweep {
namespace {
std::optional<Mechanism> switched_off;
}  // namespace

bool On(Mechanism mechanism) { return switched_off != mechanism; }

namespace testing {
namespace {

// The first law broken within so many seeds.
std::optional<std::string> FirstBroken(SimulationOptions options, uint64_t seeds = 200) {
  for (options.seed = 1; options.seed <= seeds; ++options.seed) {
    const auto broken = Simulate(options).broken;
    if (!broken) continue;
    std::printf("seed %d: %s\n", static_cast<int>(options.seed), broken->c_str());
    return broken;
  }
  return std::nullopt;
}

std::string Without(Mechanism mechanism) {
  switched_off = mechanism;
  const auto broken = FirstBroken({});
  switched_off.reset();
  return broken.value_or("nothing");
}

#define EXPECT_BREAKS(broken, law) EXPECT_NE((broken).find(law), std::string::npos) << (broken)

TEST(Mutant, NoneBreaksNothing) { EXPECT_EQ(FirstBroken({}, 50), std::nullopt); }

TEST(Mutant, WithoutAcceptOnceATrialHasTwoResults) {
  EXPECT_BREAKS(Without(Mechanism::kAcceptOnce), "two accepted results");
}
TEST(Mutant, WithoutTheFenceAResultIsAnothers) {
  EXPECT_BREAKS(Without(Mechanism::kFence), "not from the worker it was leased to");
}
TEST(Mutant, WithoutStoppingOthersAnAttemptOutlivesItsTrial) {
  EXPECT_BREAKS(Without(Mechanism::kStopOthers), "state and live attempts differ");
}
TEST(Mutant, WithoutLapseALeaseNeverEnds) {
  EXPECT_BREAKS(Without(Mechanism::kLapse), "outlives its worker's last word");
}
TEST(Mutant, WithoutTheLedgerTheCountsAreWrong) {
  EXPECT_BREAKS(Without(Mechanism::kLedger), "is not what the rows say");
}
TEST(Mutant, WithoutLateSuccessAnAcknowledgedOneIsLost) {
  EXPECT_BREAKS(Without(Mechanism::kLateSuccess), "acknowledged and is not on record");
}
TEST(Mutant, WithoutSequencesAnOvertakenSyncCounts) {
  EXPECT_BREAKS(Without(Mechanism::kDropStale), "overtaken changes something");
}
TEST(Mutant, WithoutRequeueOnRestartTheOldIncarnationKeepsItsLease) {
  EXPECT_BREAKS(Without(Mechanism::kRequeueOnRestart), "an incarnation that is gone");
}

TEST(Mutant, ServerThatTellsBeforeItCommits) {
  EXPECT_BREAKS(FirstBroken({.tell_before_commit = true}).value_or("nothing"), "not committed");
}
TEST(Mutant, ServerThatForgetsLiveAttempts) {
  EXPECT_BREAKS(FirstBroken({.forget_live_attempts = true}).value_or("nothing"), "rows say");
}

}  // namespace
}  // namespace testing
}  // namespace sparsweep
