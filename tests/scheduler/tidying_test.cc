// What large sweeps leave behind goes a little at a time, and nobody notices.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Tidying : public ::testing::Test {
 protected:
  Tidying() {
    std::vector<CellOf> cells;
    for (int i = 0; i < 7; ++i) cells.push_back({{"t" + std::to_string(i)}});
    sweep = env.Submit(cells);
    env.Worker("w", 1);
    env.Sync("w");  // trial 1
  }
  int Count(TrialState state) const {
    int count = 0;
    for (const auto& [id, trial] : env.store().trials()) count += trial.state == state;
    return count;
  }
  bool Pending() { return env.scheduler().NextDeadline() == Instant{}; }

  Environment env{SchedulerOptions{.tidied_at_once = 2}};
  SweepId sweep = 0;
};

TEST_F(Tidying, CancelledSweepIsOverAtOnceAndItsTrialsFollow) {
  const auto effects = env.Apply(SweepCancelRequested{sweep});
  EXPECT_EQ(env.scheduler().CoverageOf(sweep)->cancelled, 7);
  EXPECT_EQ(env.StateOf(AttemptId{1, 1}), AttemptState::kCancelled);
  EXPECT_EQ(Count(TrialState::kQueued), 5);  // of the first two, one ran
  EXPECT_THAT(env.Sync("w").run, IsEmpty());
  EXPECT_THAT(Only<TrialChanged>(env.Apply(TimePassed{})), SizeIs(2));
  env.Crash();
  EXPECT_TRUE(Pending());
  for (int i = 0; i < 4; ++i) env.Apply(TimePassed{});
  EXPECT_EQ(Count(TrialState::kCancelled), 7);
  EXPECT_FALSE(Pending());
}

TEST_F(Tidying, WhatAnotherSweepTakesOverMeanwhileRuns) {
  env.Apply(SweepCancelRequested{sweep});
  env.Submit({{{"t6"}}});
  for (int i = 0; i < 4; ++i) env.Apply(TimePassed{});
  EXPECT_EQ(Count(TrialState::kCancelled), 6);
  env.Sync("w");  // lets go of trial 1
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{7, 1}));
}

TEST_F(Tidying, LostAttemptOfACancelledSweepIsNotTakenUpAgain) {
  env.Wait(minutes(1));  // the lease of trial 1 lapses, it is queued again after its back-off
  env.Submit({{{"other"}}});
  ASSERT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
  env.Submit({{{"x"}}});
  env.Apply(SweepCancelRequested{sweep, {}});
  const auto told = env.Sync("w");
  EXPECT_THAT(told.run, ::testing::Not(::testing::Contains(AttemptId{1, 1})));
}

TEST_F(Tidying, StoppedSweepThatIsRetriedMeanwhileGoesOn) {
  Environment other({.min_failed = 1, .tidied_at_once = 2});
  std::vector<CellOf> cells;
  for (int i = 0; i < 7; ++i) cells.push_back({{"t" + std::to_string(i)}});
  const SweepId failing = other.SubmitWith({.max_failed_share = 0}, cells);
  other.Worker("w", 1);
  other.Sync("w");
  other.Fail("w", {1, 1}, FailureReason::kData);
  EXPECT_EQ(other.scheduler().StateOf(failing), SweepState::kFailed);
  EXPECT_EQ(other.StateOf(TrialId{7}), TrialState::kQueued);
  other.Apply(SweepRetryRequested{failing});
  other.Apply(TimePassed{});
  EXPECT_EQ(other.scheduler().CoverageOf(failing)->queued, 7);
  EXPECT_NE(other.scheduler().NextDeadline(), Instant{});
}

TEST_F(Tidying, DeletedSweepIsUnknownAtOnceAndItsRowsFollow) {
  env.Succeed("w", {1, 1});
  env.Submit({{{"t0"}}, {{"t6"}}});
  env.Apply(SweepDeleteRequested{sweep});
  EXPECT_EQ(env.Refused(SweepRetryRequested{sweep}).code(), StatusCode::kNotFound);
  EXPECT_EQ(env.Refused(SweepDeleteRequested{sweep}).code(), StatusCode::kNotFound);
  EXPECT_THAT(env.store().sweeps(), SizeIs(2));
  EXPECT_THAT(Only<SweepShrunk>(env.Apply(TimePassed{})), SizeIs(1));
  env.Crash();
  for (int i = 0; i < 9; ++i) env.Apply(TimePassed{});
  EXPECT_THAT(env.store().sweeps(), SizeIs(1));
  EXPECT_THAT(env.store().trials(), SizeIs(2));  // the other's
  EXPECT_FALSE(Pending());
  EXPECT_EQ(env.Submit({{{"t1"}}}), 3);
  EXPECT_EQ(env.TrialOf("t1"), 8);
}

TEST_F(Tidying, CancelledSweepCanBeDeletedMeanwhile) {
  env.Apply(SweepCancelRequested{sweep});
  env.Apply(SweepDeleteRequested{sweep});
  env.Crash();
  for (int i = 0; i < 9; ++i) env.Apply(TimePassed{});
  EXPECT_THAT(env.store().sweeps(), IsEmpty());
  EXPECT_THAT(env.store().trials(), IsEmpty());
  EXPECT_FALSE(Pending());
}

}  // namespace
}  // namespace sparsweep::testing
