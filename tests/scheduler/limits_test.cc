// Limits: of running trials, of time, of no progress, of failures; and weighted shares.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<CellOf> Cells(const std::string& prefix, int n) {
  std::vector<CellOf> cells;
  for (int i = 0; i < n; ++i) cells.push_back({{prefix + std::to_string(i)}});
  return cells;
}

TEST(Limits, SweepRunsAtMostSoManyTrialsAtOnce) {
  Environment env;
  const SweepId sweep = env.SubmitWith({.max_running = 2}, Cells("t", 4));
  env.Worker("w", 9);
  EXPECT_THAT(env.Sync("w").run, SizeIs(2));
  EXPECT_FALSE(env.scheduler().HasWorkFor("w", env.now()));
  env.Crash();
  EXPECT_THAT(env.Sync("w").run, SizeIs(2));
  EXPECT_THAT(env.Succeed("w", {1, 1}).run, ElementsAre(AttemptId{2, 1}, AttemptId{3, 1}));
  env.Apply(SweepReprioritised{sweep, {}, {}, 0});
  EXPECT_THAT(env.Sync("w").run, SizeIs(3));
}

TEST(Limits, AttemptBeyondItsTimeFailsTheTrial) {
  Environment env;
  env.SubmitWith({.time_limit = seconds(45)}, Cells("t", 1));
  env.Worker("w", 1);
  env.Sync("w");
  env.Wait(seconds(20));
  env.Sync("w");
  env.Wait(seconds(24));
  env.Sync("w");
  EXPECT_EQ(env.scheduler().NextDeadline(), Instant(seconds(45)));
  env.Wait(seconds(1));
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
  EXPECT_EQ(env.store().trials().at(1).reason, FailureReason::kTimeout);
  EXPECT_EQ(env.store().trials().at(1).message, "ran longer than time_limit, 45 s");
  EXPECT_THAT(env.Sync("w").run, IsEmpty());
  env.Apply(SweepRetryRequested{1});
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 2}));
}

TEST(Limits, AttemptThatWasTooSlowIsNotTakenUpAgain) {
  Environment env;
  env.SubmitWith({.time_limit = seconds(10)}, Cells("t", 1));
  env.Worker("w", 1);
  env.Sync("w");
  env.Wait(seconds(10));
  env.Apply(SweepRetryRequested{1});
  EXPECT_THAT(env.Sync("w").run, IsEmpty());  // told to stop the old one; its slot is taken
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 2}));
}

TEST(Limits, LateSuccessOfATooSlowAttemptCounts) {
  Environment env;
  env.SubmitWith({.time_limit = seconds(10)}, Cells("t", 1));
  env.Worker("w", 1);
  env.Sync("w");
  env.Wait(seconds(10));
  env.Succeed("w", {1, 1});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kSucceeded);
}

TEST(Limits, StepsKeepATrialAliveAndTheirAbsenceEndsIt) {
  Environment env;
  env.SubmitWith({.idle_limit = seconds(25)}, Cells("t", 1));
  env.Worker("w", 1);
  env.Sync("w");
  for (int step = 1; step <= 3; ++step) {
    env.Wait(seconds(20));
    env.Next("w").running = {{{1, 1}, step, 100}};
    EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}));
  }
  env.Wait(seconds(20));
  env.Next("w").running = {{{1, 1}, 3, 100}};
  env.Sync("w");
  env.Wait(seconds(5));
  EXPECT_EQ(env.store().trials().at(1).message, "reported no new step for idle_limit, 25 s");
  EXPECT_EQ(env.store().trials().at(1).reason, FailureReason::kTimeout);
}

TEST(Limits, TimeGoesOnWhileTheServerIsAway) {
  Environment env;
  env.SubmitWith({.time_limit = seconds(60)}, Cells("t", 1));
  env.Worker("w", 1);
  env.Sync("w");
  StoredState stored = env.store().Read();
  stored.live.at(0).running_for = seconds(50);
  Scheduler restored = Scheduler::Restore({}, stored, env.now());
  EXPECT_EQ(restored.NextDeadline(), env.now() + seconds(10));
}

TEST(FailedShare, FirstFailuresOfALargeGridDoNotStopIt) {
  Environment env({.min_failed = 3});
  env.SubmitWith({.max_failed_share = 0.5}, Cells("t", 10));
  env.Worker("w", 10);
  env.Sync("w");
  env.Fail("w", {1, 1}, FailureReason::kDiverged);
  env.Fail("w", {2, 1}, FailureReason::kDiverged);
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kRunning);
}

TEST(FailedShare, SweepStopsItselfAndSaysWhy) {
  Environment env({.min_failed = 3});
  env.SubmitWith({.max_failed_share = 0.5}, Cells("t", 10));
  env.Worker("w", 5);
  env.Sync("w");
  for (TrialId trial = 1; trial <= 2; ++trial) env.Succeed("w", {trial, 1});
  env.Fail("w", {3, 1}, FailureReason::kDiverged);
  env.Fail("w", {4, 1}, FailureReason::kDiverged);
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kRunning);
  // The Sync that brings the last failure is not given another trial of the sweep.
  const Instruction told = env.Fail("w", {5, 1}, FailureReason::kDiverged);
  EXPECT_THAT(told.run, IsEmpty());
  EXPECT_THAT(env.store().trials().at(10).attempts, IsEmpty());
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kFailed);
  EXPECT_EQ(env.store().sweeps().at(1).message,
            "stopped: 3 of the 5 trials that ended have failed, more than max_failed_share 0.5; "
            "mend the cause, then retry the sweep");
  EXPECT_THAT(env.Sync("w").run, IsEmpty());
  env.Crash();
  EXPECT_FALSE(env.scheduler().HasWork(env.now()));
  env.Apply(SweepRetryRequested{1});
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kRunning);
  EXPECT_EQ(env.scheduler().CoverageOf(1)->queued, 8);
}

TEST(FailedShare, TrialsThatAnotherSweepWantsGoOn) {
  Environment env({.min_failed = 1});
  env.SubmitWith({.max_failed_share = 0}, {{{"bad"}}, {{"shared"}}});
  env.Submit({{{"shared"}}});
  env.Worker("w", 1);
  env.Sync("w");
  EXPECT_THAT(env.Fail("w", {1, 1}, FailureReason::kData).run, ElementsAre(AttemptId{2, 1}));
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kFailed);
}

TEST(Quarantined, TrialsThatFailedByItGoBackToo) {
  Environment env({.quarantine_after = 2});
  env.Submit(Cells("t", 3));
  env.Worker("bad", 3);
  env.Worker("good", 1);
  env.Sync("good");
  env.Sync("bad");
  env.Fail("bad", {2, 1}, FailureReason::kAttestation);
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kFailed);
  env.Fail("bad", {3, 1}, FailureReason::kAttestation);
  EXPECT_EQ(env.store().workers().at("bad").state, "quarantined");
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kQueued);
  EXPECT_EQ(env.StateOf(TrialId{3}), TrialState::kQueued);
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kRunning);
}

// How often each of two sweeps is leased a trial, over so many turns.
std::pair<int, int> Turns(double first, double second, int turns) {
  Environment env;
  env.SubmitWith({.weight = first}, Cells("a", turns));
  env.SubmitWith({.weight = second}, Cells("b", turns));
  env.Worker("w", 1);
  std::pair<int, int> leased;
  Instruction answer = env.Sync("w");
  for (int i = 0; i < turns; ++i) {
    const AttemptId id = answer.run.at(0);
    ++(env.store().trials().at(id.trial).attempts.at(1).charged_to == 1 ? leased.first
                                                                        : leased.second);
    answer = env.Succeed("w", id);
  }
  return leased;
}

TEST(Share, TurnsFollowTheWeights) {
  EXPECT_EQ(Turns(1, 1, 12), std::pair(6, 6));
  EXPECT_EQ(Turns(3, 1, 12), std::pair(9, 3));
  EXPECT_EQ(Turns(1, 5, 12), std::pair(2, 10));
}

TEST(Share, SweepMovedToAnotherPriorityDoesNotWaitForItsPast) {
  Environment env;
  env.SubmitWith({.priority = 1}, Cells("a", 6));
  env.SubmitWith({}, Cells("b", 6));
  env.Worker("w", 1);
  Instruction answer = env.Sync("w");
  for (int i = 0; i < 3; ++i) answer = env.Succeed("w", answer.run.at(0));
  env.Apply(SweepReprioritised{1, 0});
  std::vector<TrialId> order;
  for (int i = 0; i < 4; ++i) {
    answer = env.Succeed("w", answer.run.at(0));
    order.push_back(answer.run.at(0).trial);
  }
  EXPECT_THAT(order, ElementsAre(5, 7, 6, 8));
}

}  // namespace
}  // namespace sparsweep::testing
