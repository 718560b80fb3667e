// What a failure means: for the trial, for the worker, for the sweep.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Failure, CrashesAreRetriedWithDoubledBackOffUpToTheCap) {
  Environment env;
  env.Submit({{{"t"}}});
  env.Worker("w", 1);
  env.Sync("w");
  env.Fail("w", {1, 1}, FailureReason::kCrashed);
  EXPECT_EQ(env.store().trials().at(1).charged, 1);
  env.Wait(seconds(1));
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 2}));
  env.Fail("w", {1, 2}, FailureReason::kCrashed);
  env.Wait(seconds(1));
  EXPECT_THAT(env.Sync("w").run, IsEmpty());
  env.Wait(seconds(1));
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 3}));
  env.Fail("w", {1, 3}, FailureReason::kCrashed);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
  EXPECT_EQ(env.store().trials().at(1).reason, FailureReason::kCrashed);
  const auto changed = Only<SweepChanged>(env.effects());
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].state, SweepState::kFailed);
  EXPECT_EQ(changed[0].message, "1 of 1 trials failed");
}

TEST(Failure, DeterministicReasonsAreNotRetried) {
  for (const FailureReason reason :
       {FailureReason::kDiverged, FailureReason::kData, FailureReason::kAttestation,
        FailureReason::kOutOfMemory, FailureReason::kTimeout}) {
    Environment env;
    env.Submit({{{"t"}}});
    env.Worker("w", 1);
    env.Worker("other", 1);
    env.Sync("w");
    env.Sync("other");
    env.Fail("w", {1, 1}, reason);
    EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
    EXPECT_EQ(env.store().trials().at(1).reason, reason);
  }
}

TEST(Failure, InterruptedIsUncharged) {
  Environment env;
  env.Submit({{{"t"}}});
  env.Worker("w", 1);
  env.Sync("w");
  for (int number = 1; number <= 10; ++number) {
    env.Fail("w", {1, number}, FailureReason::kInterrupted);
    env.Wait(seconds(1));
    EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, number + 1}));
  }
  EXPECT_EQ(env.store().trials().at(1).charged, 0);
}

TEST(Failure, RefusedTrialGoesToAnotherWorker) {
  Environment env;
  env.Submit({{{"t"}}});
  env.Worker("a", 1);
  env.Worker("b", 1);
  env.Sync("a");
  env.Sync("b");
  EXPECT_THAT(env.Fail("a", {1, 1}, FailureReason::kRefused).run, IsEmpty());
  EXPECT_FALSE(env.scheduler().HasWorkFor("a", env.now()));
  EXPECT_TRUE(env.scheduler().HasWork(env.now()));
  EXPECT_THAT(env.Sync("b").run, ElementsAre(AttemptId{1, 2}));
}

TEST(Failure, RefusedByAllFails) {
  Environment env;
  env.Submit({{{"t"}}});
  env.Worker("a", 1);
  env.Worker("b", 1);
  env.Sync("a");
  env.Sync("b");
  env.Fail("a", {1, 1}, FailureReason::kRefused);
  env.Sync("b");
  env.Fail("b", {1, 2}, FailureReason::kRefused);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
  EXPECT_EQ(env.store().trials().at(1).reason, FailureReason::kRefused);
}

TEST(Failure, NothingToDoForARefuserIsNotWork) {
  Environment env;
  env.Submit({{{"t"}}});
  env.Worker("a", 1);
  env.Worker("b", 1);
  env.Sync("a");
  env.Sync("b");
  env.Fail("a", {1, 1}, FailureReason::kRefused);
  env.Apply(WorkerLeft{"b", "b-1"});
  EXPECT_FALSE(env.scheduler().HasWork(env.now()));
}

class Quarantine : public ::testing::Test {
 protected:
  Quarantine() {
    env.Submit({{{"t1"}}, {{"t2"}}, {{"t3"}}, {{"t4"}}, {{"t5"}}, {{"t6"}}});
    env.Worker("bad", 6);
    env.Worker("good", 1);
  }
  void FailFive() {
    for (TrialId trial = 1; trial <= 5; ++trial) {
      env.Fail("bad", {trial, 1}, FailureReason::kCrashed);
    }
  }
  Environment env;
};

TEST_F(Quarantine, WorkerThatFailsInARowIsQuarantinedAndItsTrialsGoBackUncharged) {
  env.Sync("bad");
  env.Sync("good");
  FailFive();
  EXPECT_EQ(env.store().workers().at("bad").state, "quarantined");
  for (TrialId trial = 1; trial <= 6; ++trial) {
    EXPECT_EQ(env.store().trials().at(trial).charged, 0) << trial;
    EXPECT_EQ(env.StateOf(trial), TrialState::kQueued) << trial;
  }
  EXPECT_EQ(env.StateOf(AttemptId{6, 1}), AttemptState::kCancelled);
  EXPECT_THAT(env.Sync("bad").run, IsEmpty());
  EXPECT_THAT(env.Sync("good").run, ElementsAre(AttemptId{6, 2}));
}

TEST_F(Quarantine, TheWorkerIsToldWhyAndForHowLong) {
  env.Sync("bad");
  env.Sync("good");
  EXPECT_EQ(env.Sync("bad").quarantine, Duration::zero());
  FailFive();
  const Instruction told = env.Sync("bad");
  EXPECT_EQ(told.quarantine, std::chrono::minutes(10));
  EXPECT_EQ(told.distrust,
            "5 attempts in a row went wrong on it; the last, of trial 5, crashed: it failed");
  EXPECT_EQ(env.Sync("good").quarantine, Duration::zero());
  env.Wait(seconds(20));
  EXPECT_EQ(env.Sync("bad").quarantine, seconds(580));
  for (int i = 0; i < 29; ++i) {
    env.Wait(seconds(20));
    env.Sync("good");
    env.Sync("bad");
  }
  EXPECT_EQ(env.Sync("bad").quarantine, Duration::zero());
}

TEST_F(Quarantine, EndsAfterAWhileOnProbation) {
  env.Sync("bad");
  env.Sync("good");
  FailFive();
  env.Sync("good");
  for (int i = 0; i < 30; ++i) {
    env.Wait(seconds(20));
    env.Sync("good");
    env.Sync("bad");
  }
  EXPECT_EQ(env.store().workers().at("bad").state, "online");
  const AttemptId again = env.Sync("bad").run.at(0);
  env.Fail("bad", again, FailureReason::kCrashed);
  EXPECT_EQ(env.store().workers().at("bad").state, "quarantined");
}

TEST_F(Quarantine, SuccessBreaksTheRow) {
  env.Sync("bad");
  env.Sync("good");
  for (TrialId trial = 1; trial <= 4; ++trial) {
    env.Fail("bad", {trial, 1}, FailureReason::kCrashed);
  }
  env.Succeed("bad", {5, 1});
  env.Fail("bad", {6, 1}, FailureReason::kCrashed);
  EXPECT_EQ(env.store().workers().at("bad").state, "online");
}

TEST_F(Quarantine, WorkerAloneIsNotQuarantined) {
  env.Sync("bad");
  FailFive();
  EXPECT_EQ(env.store().workers().at("bad").state, "online");
  EXPECT_EQ(env.store().trials().at(1).charged, 1);
}

TEST_F(Quarantine, NewIncarnationStartsClean) {
  env.Sync("bad");
  env.Sync("good");
  FailFive();
  env.Restart("bad");
  env.Sync("bad");
  EXPECT_EQ(env.store().workers().at("bad").state, "online");
}

}  // namespace
}  // namespace sparsweep::testing
