// After a restart of the server the scheduler is what it was, but for the clocks.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Restore : public ::testing::Test {
 protected:
  Restore() {
    env.Submit({{{"a1", "a2"}}, {{"b1", "b2"}}});
    env.Worker("w", 1);
    env.Sync("w");
  }
  Environment env;
};

TEST_F(Restore, LiveAttemptsGetOneFullLease) {
  env.Wait(seconds(29));
  env.Crash();
  env.Wait(seconds(29));
  EXPECT_EQ(env.StateOf(AttemptId{1, 1}), AttemptState::kRunning);
  env.Wait(seconds(1));
  EXPECT_EQ(env.StateOf(AttemptId{1, 1}), AttemptState::kLost);
  EXPECT_EQ(env.store().workers().at("w").state, "lost");
}

TEST_F(Restore, WorkerGoesOnWithWhatItRuns) {
  env.Crash();
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}));
  EXPECT_THAT(Only<WorkerChanged>(env.effects()), IsEmpty());
  env.Succeed("w", {1, 1});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kSucceeded);
}

TEST_F(Restore, OrderIsKept) {
  env.Crash();
  EXPECT_THAT(env.Succeed("w", {1, 1}).run, ElementsAre(AttemptId{3, 1}));  // b1 before a2
}

TEST_F(Restore, LateSuccessOfALostAttemptIsStillRecognised) {
  env.Wait(seconds(30));
  env.Crash();
  env.Next("w").running.clear();
  env.Succeed("w", {1, 1});
  EXPECT_EQ(env.store().trials().at(1).accepted, 1);
}

TEST_F(Restore, AttemptNumbersGoOn) {
  env.Wait(seconds(30));
  env.Crash();
  env.Worker("v", 1);
  EXPECT_THAT(env.Sync("v").run, ElementsAre(AttemptId{1, 2}));
}

TEST_F(Restore, NumbersAreNotUsedAgain) {
  env.Crash();
  EXPECT_EQ(env.Submit({{{"c"}}}), 2);
  EXPECT_EQ(env.TrialOf("c"), 5);
}

TEST_F(Restore, PausedAndCancelledSweepsStaySo) {
  env.Submit({{{"c"}}});
  env.Submit({{{"d"}}});
  env.Apply(SweepPauseRequested{2});
  env.Apply(SweepCancelRequested{3});
  env.Crash();
  env.Worker("v", 9);
  env.Sync("v");
  EXPECT_EQ(env.StateOf(env.TrialOf("c")), TrialState::kQueued);
  EXPECT_EQ(env.StateOf(env.TrialOf("d")), TrialState::kCancelled);
  env.Apply(SweepResumeRequested{2});
  EXPECT_EQ(env.scheduler().StateOf(2), SweepState::kRunning);
}

TEST_F(Restore, WithoutStoredWorkersTheyFollowFromTheirAttempts) {
  StoredState stored = env.store().Read();
  stored.workers.clear();
  Scheduler restored = Scheduler::Restore({}, stored, env.now());
  WorkerSynced next = env.Next("w");
  ++next.sequence;
  const auto effects = restored.Apply(next, env.now());
  ASSERT_TRUE(effects.ok());
  EXPECT_THAT(Only<Instruction>(*effects).at(0).run, ElementsAre(AttemptId{1, 1}));
}

TEST(RestoreEmpty, GivesAnEmptyScheduler) {
  Scheduler scheduler = Scheduler::Restore({}, {}, Instant{});
  EXPECT_EQ(scheduler.NextDeadline(), std::nullopt);
  const auto effects = scheduler.Apply(SweepSubmitted{}, Instant{});
  ASSERT_TRUE(effects.ok());
  EXPECT_EQ(Only<SweepCreated>(*effects).at(0).sweep, 1);
}

}  // namespace
}  // namespace sparsweep::testing
