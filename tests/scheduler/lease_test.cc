// Leases: who may end an attempt, when it is lost, and which success counts.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const AttemptId kFirst{1, 1}, kSecond{1, 2};

// One trial that worker "a" holds; "b" is there too.
class Leases : public ::testing::Test {
 protected:
  Leases() {
    env.Submit({{{"t"}}});
    env.Worker("a", 1);
    env.Worker("b", 1);
    env.Sync("a");
  }
  // "a" falls silent, and "b" gets the trial.
  void MoveToB() {
    env.Wait(seconds(30));
    env.Wait(seconds(1));  // the back-off
    ASSERT_THAT(env.Sync("b").run, ElementsAre(kSecond));
  }
  Environment env;
};

TEST_F(Leases, SuccessIsAcceptedAndFinishesTheSweep) {
  const Instruction answer = env.Succeed("a", kFirst);
  EXPECT_THAT(answer.acknowledged, ElementsAre(kFirst));
  EXPECT_THAT(answer.run, IsEmpty());
  EXPECT_EQ(env.store().trials().at(1).result, "result of a");
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kSucceeded);
}

TEST_F(Leases, RepeatedSuccessIsAcknowledgedAndChangesNothing) {
  env.Succeed("a", kFirst);
  EXPECT_THAT(env.Succeed("a", kFirst).acknowledged, ElementsAre(kFirst));
  EXPECT_THAT(Only<AttemptEnded>(env.effects()), IsEmpty());
}

TEST_F(Leases, ReportedAttemptKeepsItsLease) {
  for (int i = 0; i < 5; ++i) {
    env.Wait(seconds(20));
    EXPECT_THAT(env.Sync("a").run, ElementsAre(kFirst));
  }
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
}

TEST_F(Leases, SilentWorkerLosesItsAttemptAndItself) {
  env.Wait(seconds(29));
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
  EXPECT_EQ(env.scheduler().NextDeadline(), Instant(seconds(30)));
  env.Wait(seconds(1));
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kLost);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
  EXPECT_EQ(env.store().workers().at("a").state, "lost");
}

TEST_F(Leases, LostTrialWaitsForItsBackOff) {
  env.Wait(seconds(30));
  EXPECT_THAT(env.Sync("b").run, IsEmpty());
  EXPECT_FALSE(env.scheduler().HasWork(env.now()));
  env.Wait(seconds(1));
  EXPECT_TRUE(env.scheduler().HasWork(env.now()));
  EXPECT_THAT(env.Sync("b").run, ElementsAre(kSecond));
}

TEST_F(Leases, LostAttemptThatFinishesFirstIsAcceptedAndStopsTheOther) {
  MoveToB();
  env.Succeed("a", kFirst);
  EXPECT_EQ(env.store().trials().at(1).accepted, 1);
  EXPECT_EQ(env.StateOf(kSecond), AttemptState::kCancelled);
  EXPECT_EQ(Only<AttemptEnded>(env.effects()).at(0).worker, "b");
  EXPECT_THAT(env.Sync("b").run, IsEmpty());
}

TEST_F(Leases, LaterSuccessIsAReplicate) {
  MoveToB();
  env.Succeed("b", kSecond);
  EXPECT_THAT(env.Succeed("a", kFirst).acknowledged, ElementsAre(kFirst));
  EXPECT_EQ(env.store().trials().at(1).result, "result of b");
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kReplicate);
}

TEST_F(Leases, LateSuccessOfAFailedTrialMendsItsSweep) {
  SchedulerOptions options;
  options.max_attempts = 1;
  Environment once(options);
  once.Submit({{{"t"}}});
  once.Worker("a", 1);
  once.Sync("a");
  once.Wait(seconds(30));
  EXPECT_EQ(once.scheduler().StateOf(1), SweepState::kFailed);
  once.Succeed("a", kFirst);
  EXPECT_EQ(once.scheduler().StateOf(1), SweepState::kSucceeded);
}

TEST_F(Leases, LateFailureOfALostAttemptIsRecordedAndChargesNothing) {
  MoveToB();
  env.Fail("a", kFirst, FailureReason::kCrashed);
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kFailed);
  EXPECT_EQ(env.store().trials().at(1).charged, 1);
  EXPECT_EQ(env.StateOf(kSecond), AttemptState::kRunning);
  env.Succeed("a", kFirst);  // contradicts what it said before
  EXPECT_EQ(env.store().trials().at(1).result, std::nullopt);
}

TEST_F(Leases, ReturningWorkerTakesUpWhatNobodyElseHas) {
  env.Wait(seconds(30));
  EXPECT_THAT(env.Sync("a").run, ElementsAre(kFirst));
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
  EXPECT_EQ(env.store().trials().at(1).charged, 0);
}

TEST_F(Leases, ReturningWorkerStopsWhatAnotherHas) {
  MoveToB();
  EXPECT_THAT(env.Sync("a").run, IsEmpty());
  EXPECT_THAT(env.Sync("b").run, ElementsAre(kSecond));
}

TEST_F(Leases, RunThatIsNotItsOwnHoldsASlotUntilItStops) {
  MoveToB();
  env.Submit({{{"u"}}});
  EXPECT_THAT(env.Sync("a").run, IsEmpty());
  EXPECT_THAT(env.Sync("a").run, ElementsAre(AttemptId{2, 1}));
}

TEST_F(Leases, SuccessOfAnAttemptLeasedToAnotherIsNeitherAcceptedNorAcknowledged) {
  EXPECT_THAT(env.Succeed("b", kFirst).acknowledged, IsEmpty());
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
}

TEST_F(Leases, ReportsOfUnknownAttemptsChangeNothing) {
  for (const AttemptId id :
       {AttemptId{9, 1}, AttemptId{1, 2}, AttemptId{1, 0}, AttemptId{-1, 1}, AttemptId{0, 1}}) {
    env.Succeed("a", id);
    EXPECT_THAT(Only<AttemptEnded>(env.effects()), IsEmpty());
  }
  EXPECT_THAT(env.Sync("a").acknowledged, IsEmpty());
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
}

TEST_F(Leases, SuccessWithoutAResultIsNotOne) {
  WorkerSynced event = env.Next("a");
  event.sequence = 2;
  event.ended.push_back({kFirst, std::nullopt, "", "", ""});
  EXPECT_THAT(env.Send(event).acknowledged, IsEmpty());
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
}

TEST_F(Leases, LowerSequenceIsStale) {
  env.Sync("a");
  WorkerSynced old = env.Next("a");
  old.sequence = 1;
  old.ended.push_back({kFirst, std::nullopt, "", "late", ""});
  EXPECT_TRUE(env.Send(old).stale);
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kRunning);
}

TEST_F(Leases, RepeatedSyncIsAnsweredAfreshAndRenewsNothing) {
  env.Wait(seconds(20));
  EXPECT_THAT(env.Send(env.Next("a")).run, ElementsAre(kFirst));
  env.Wait(seconds(10));
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kLost);
}

TEST_F(Leases, HeldSyncIsAnsweredWithWorkThatCameMeanwhile) {
  EXPECT_THAT(env.Sync("b").run, IsEmpty());
  env.Submit({{{"u"}}});
  EXPECT_TRUE(env.scheduler().HasWorkFor("b", env.now()));
  EXPECT_THAT(env.Send(env.Next("b")).run, ElementsAre(AttemptId{2, 1}));
}

TEST_F(Leases, AbsentFromTwoLaterSyncsCountsAsCrashed) {
  env.Next("a").running.clear();
  EXPECT_THAT(env.Sync("a").run, ElementsAre(kFirst));
  env.Next("a").running.clear();
  EXPECT_THAT(env.Sync("a").run, IsEmpty());
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kLost);
  EXPECT_EQ(env.store().trials().at(1).attempts.at(1).reason, FailureReason::kCrashed);
}

TEST_F(Leases, OneAbsenceIsForgiven) {
  for (int i = 0; i < 5; ++i) {
    env.Next("a").running.clear();
    env.Sync("a");
    EXPECT_THAT(env.Sync("a").run, ElementsAre(kFirst));
  }
}

TEST_F(Leases, NewIncarnationGivesTheOldOnesTrialsBackAtOnce) {
  env.Restart("a");
  env.Sync("a");
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kLost);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
  env.Wait(seconds(1));
  EXPECT_THAT(env.Sync("a").run, ElementsAre(kSecond));
}

TEST_F(Leases, OldIncarnationIsStale) {
  const WorkerSynced old = env.Next("a");
  env.Restart("a");
  env.Sync("a");
  WorkerSynced late = old;
  late.sequence = 100;
  EXPECT_TRUE(env.Send(late).stale);
  EXPECT_FALSE(env.Sync("a").stale);
}

TEST_F(Leases, WorkerThatLeavesGivesItsTrialsBackUncharged) {
  env.Apply(WorkerLeft{"a", "a-1"});
  EXPECT_EQ(env.store().workers().at("a").state, "left");
  EXPECT_EQ(env.store().trials().at(1).charged, 0);
  EXPECT_TRUE(env.Sync("a").stale);
  EXPECT_THAT(env.Sync("b").run, ElementsAre(kSecond));
}

// Found by the simulation (seed 3376): the live attempt need not be the one numbered last.
TEST_F(Leases, WorkerLeavesWithAnAttemptItHadTakenUpAgain) {
  MoveToB();
  env.Wait(seconds(30));
  ASSERT_THAT(env.Sync("a").run, ElementsAre(kFirst));
  env.Apply(WorkerLeft{"a", "a-1"});
  EXPECT_EQ(env.StateOf(kFirst), AttemptState::kLost);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
}

}  // namespace
}  // namespace sparsweep::testing
