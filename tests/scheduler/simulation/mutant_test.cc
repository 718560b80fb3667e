// The laws of the simulation are seen to fail: each mechanism of the scheduler (mechanism.h) is
// switched off in turn, and so are two promises of the server around it.
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>

#include "scheduler/mechanism.h"
#include "tests/scheduler/environment.h"
#include "tests/scheduler/simulation/simulation.h"

namespace sparsweep {
namespace {
std::optional<Mechanism> switched_off;
}  // namespace

bool On(Mechanism mechanism) { return switched_off != mechanism; }

namespace testing {
namespace {

// The first law broken within so many seeds.
std::optional<std::string> FirstBroken(SimulationOptions options, uint64_t seeds = 300) {
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

TEST(Mutant, WithoutTheStaleFenceAnInvalidatedWordCounts) {
  EXPECT_BREAKS(Without(Mechanism::kFenceStale), "differ in trials");
}
TEST(Mutant, WithoutAbsencesALeaseOutlivesItsTrainer) {
  EXPECT_BREAKS(Without(Mechanism::kAbsence), "outlives two Syncs without it");
}
TEST(Mutant, WithoutLimitsALeaseOutlivesItsTime) {
  EXPECT_BREAKS(Without(Mechanism::kLimits), "outlives its time limit");
}
TEST(Mutant, WithoutProgressALeaseOutlivesItsStandstill) {
  EXPECT_BREAKS(Without(Mechanism::kProgress), "outlives its idle limit");
}
TEST(Mutant, WithoutOrderSecondSeedsGoFirst) {
  EXPECT_BREAKS(Without(Mechanism::kOrder), "which is first in its sweep");
}
TEST(Mutant, WithoutPriorityLessUrgentSweepsGoFirst) {
  EXPECT_BREAKS(Without(Mechanism::kPriority), "of higher priority");
}
TEST(Mutant, WithoutTurnsOneSweepTakesAll) {
  EXPECT_BREAKS(Without(Mechanism::kTurns), "do not share by weight");
}
TEST(Mutant, WithoutMercyTrialsPayForTheirWorkersQuarantine) {
  EXPECT_BREAKS(Without(Mechanism::kUncharged), "charged for its worker's quarantine");
}
TEST(Mutant, WithoutBackOffsEndATrialStarves) {
  EXPECT_BREAKS(Without(Mechanism::kBackOff), "starves");
}
TEST(Mutant, WithoutPauseWhatIsPausedRuns) {
  EXPECT_BREAKS(Without(Mechanism::kPause), "leased while paused");
}
TEST(Mutant, WithoutMaxRunningASweepRunsMore) {
  EXPECT_BREAKS(Without(Mechanism::kMaxRunning), "one more than its sweep may run");
}
TEST(Mutant, WithoutTheShareAFailingSweepGoesOn) {
  EXPECT_BREAKS(Without(Mechanism::kStopFailing), "goes on although too many");
}
TEST(Mutant, WithoutNeedsAnyWorkerIsLeasedAnything) {
  EXPECT_BREAKS(Without(Mechanism::kNeeds), "worker");
}
TEST(Mutant, WithoutRoomAWorkerIsOverloaded) { EXPECT_BREAKS(Without(Mechanism::kRoom), "trial"); }
TEST(Mutant, WithoutWaitingForASweepWaitsInSilence) {
  EXPECT_BREAKS(Without(Mechanism::kWaitingFor), "waits in silence");
}

TEST(Mutant, ServerThatForgetsWishes) {
  EXPECT_BREAKS(FirstBroken({.forget_wishes = true}).value_or("nothing"), "differ in");
}
TEST(Mutant, ServerThatTellsBeforeItCommits) {
  EXPECT_BREAKS(FirstBroken({.tell_before_commit = true}).value_or("nothing"), "is not on record");
}
TEST(Mutant, ServerThatForgetsLiveAttempts) {
  EXPECT_BREAKS(FirstBroken({.forget_live_attempts = true}).value_or("nothing"), "differ in");
}

// A worker that always has small trials: how many of 50 it is leased before the exclusive one.
int SmallOnesBeforeTheExclusive() {
  Environment env;
  env.Worker("w", 2);
  std::vector<CellOf> small;
  for (int i = 0; i < 50; ++i) small.push_back({{"s" + std::to_string(i)}});
  env.Submit(small);
  Instruction answer = env.Sync("w");
  SweepOptions alone;
  alone.needs.exclusive = true;
  alone.priority = 1;
  env.SubmitWith(alone, {{{"x"}}});
  for (int ended = 0; !answer.run.empty(); ++ended) {
    if (answer.run[0].trial == env.TrialOf("x")) return ended;
    answer = env.Succeed("w", answer.run[0]);
  }
  return -1;
}

TEST(Mutant, WithoutReservationAnExclusiveTrialStarves) {
  EXPECT_EQ(SmallOnesBeforeTheExclusive(), 2);
  switched_off = Mechanism::kReserve;
  EXPECT_EQ(SmallOnesBeforeTheExclusive(), 50);
  switched_off.reset();
}

}  // namespace
}  // namespace testing
}  // namespace sparsweep
