// What people ask of sweeps: submit, cancel, pause, resume, retry; and the coverage ledger.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Sweep, ExpandsInChunksAndRunsMeanwhile) {
  Environment env;
  const SweepId sweep = env.SubmitEmpty();
  env.Expand(sweep, {{{"a"}}}, 0, false);
  EXPECT_EQ(env.scheduler().StateOf(sweep), SweepState::kExpanding);
  env.Worker("w", 1);
  env.Sync("w");
  env.Succeed("w", {1, 1});
  EXPECT_EQ(env.scheduler().StateOf(sweep), SweepState::kExpanding);
  env.Expand(sweep, {{{"b"}}}, 1, true);
  EXPECT_EQ(env.scheduler().StateOf(sweep), SweepState::kRunning);
  EXPECT_EQ(env.scheduler().CoverageOf(sweep),
            (Coverage{.cells = 2, .trials = 2, .queued = 1, .succeeded = 1}));
}

TEST(Sweep, AliasesCountAsCellsAndShareTheirTrial) {
  Environment env;
  const SweepId sweep = env.SubmitEmpty();
  CellsExpanded event{sweep, {}, 2, true};
  for (uint64_t index : {0, 1}) {
    ExpandedCell& cell = event.cells.emplace_back();
    cell.index = index;
    if (index == 1) cell.alias_of = 0;
    cell.trials.push_back({Identity("a"), 1, {}, 0});
  }
  const auto cells = Only<CellAdded>(env.Apply(event));
  EXPECT_TRUE(cells.at(0).trials.at(0).created);
  EXPECT_FALSE(cells.at(1).trials.at(0).created);
  EXPECT_EQ(env.scheduler().CoverageOf(sweep),
            (Coverage{.cells = 2, .aliases = 1, .trials = 1, .queued = 1}));
}

TEST(Sweep, TakesOverWhatSucceededBefore) {
  Environment env;
  env.Submit({{{"a"}}});
  env.Worker("w", 1);
  env.Sync("w");
  env.Succeed("w", {1, 1});
  const SweepId second = env.Submit({{{"a"}}});
  EXPECT_EQ(env.scheduler().StateOf(second), SweepState::kSucceeded);
  EXPECT_EQ(env.scheduler().CoverageOf(second),
            (Coverage{.cells = 1, .trials = 1, .succeeded = 1}));
}

TEST(Sweep, ChunkWithABadIdentityChangesNothing) {
  Environment env;
  const SweepId sweep = env.SubmitEmpty();
  CellsExpanded event{sweep, {}, 1, true};
  event.cells.emplace_back().trials.push_back({Identity("a"), 1, {}, 0});
  event.cells.emplace_back().trials.push_back({"short", 1, {}, 0});
  EXPECT_EQ(env.Refused(event).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(env.scheduler().CoverageOf(sweep), Coverage{});
}

TEST(Sweep, UnknownOneIsNotFound) {
  Environment env;
  EXPECT_EQ(env.Refused(SweepCancelRequested{7}).message(),
            "there is no sweep 7; list the sweeps there are");
  EXPECT_EQ(env.Refused(SweepRetryRequested{7}).code(), StatusCode::kNotFound);
  EXPECT_EQ(env.Refused(CellsExpanded{7, {}, 0, true}).code(), StatusCode::kNotFound);
  EXPECT_EQ(env.scheduler().CoverageOf(7), std::nullopt);
}

TEST(Sweep, CancelStopsWhatNobodyElseWants) {
  Environment env;
  const SweepId first = env.Submit({{{"a"}}, {{"shared"}}, {{"c"}}});
  const SweepId second = env.Submit({{{"shared"}}});
  env.Worker("w", 2);
  env.Sync("w");  // a and shared
  env.Apply(SweepCancelRequested{first});
  EXPECT_EQ(env.scheduler().StateOf(first), SweepState::kCancelled);
  EXPECT_EQ(env.scheduler().CoverageOf(first),
            (Coverage{.cells = 3, .trials = 3, .cancelled = 3}));
  EXPECT_EQ(env.StateOf(AttemptId{1, 1}), AttemptState::kCancelled);
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 1}));
  env.Succeed("w", {2, 1});
  EXPECT_EQ(env.scheduler().StateOf(second), SweepState::kSucceeded);
  EXPECT_EQ(env.scheduler().StateOf(first), SweepState::kCancelled);
}

TEST(Sweep, CancelTwiceChangesNothingTheSecondTime) {
  Environment env;
  const SweepId sweep = env.Submit({{{"a"}}});
  env.Apply(SweepCancelRequested{sweep});
  EXPECT_THAT(env.Apply(SweepCancelRequested{sweep}), IsEmpty());
}

TEST(Sweep, CancelledTrialIsQueuedAgainByALaterSweep) {
  Environment env;
  env.Submit({{{"a"}}});
  env.Apply(SweepCancelRequested{1});
  const SweepId second = env.Submit({{{"a"}}});
  EXPECT_EQ(env.scheduler().StateOf(second), SweepState::kRunning);
  env.Worker("w", 1);
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}));
}

TEST(Sweep, CancelledSweepNeitherResumesNorRetriesNorExpands) {
  Environment env;
  const SweepId sweep = env.SubmitEmpty();
  env.Apply(SweepCancelRequested{sweep});
  EXPECT_EQ(env.Refused(SweepResumeRequested{sweep}).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(env.Refused(SweepRetryRequested{sweep}).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(env.Refused(SweepPauseRequested{sweep}).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(env.Refused(CellsExpanded{sweep, {}, 0, true}).code(), StatusCode::kFailedPrecondition);
}

TEST(Sweep, SuccessAfterCancelCounts) {
  Environment env;
  env.Submit({{{"a"}}});
  env.Worker("w", 1);
  env.Sync("w");
  env.Apply(SweepCancelRequested{1});
  env.Succeed("w", {1, 1});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kSucceeded);
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kCancelled);
}

TEST(Sweep, PauseLetsRunningTrialsFinishAndStartsNoOthers) {
  Environment env;
  env.Submit({{{"a"}}, {{"b"}}});
  env.Worker("w", 1);
  env.Sync("w");
  env.Apply(SweepPauseRequested{1});
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kPaused);
  EXPECT_THAT(env.Succeed("w", {1, 1}).run, IsEmpty());
  EXPECT_FALSE(env.scheduler().HasWork(env.now()));
  env.Apply(SweepResumeRequested{1});
  EXPECT_TRUE(env.scheduler().HasWork(env.now()));
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 1}));
}

TEST(Sweep, PausedSweepFinishesWithItsLastTrial) {
  Environment env;
  env.Submit({{{"a"}}});
  env.Worker("w", 1);
  env.Sync("w");
  env.Apply(SweepPauseRequested{1});
  env.Succeed("w", {1, 1});
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kSucceeded);
}

TEST(Sweep, RetryReopensWithAFreshAllowance) {
  Environment env({.max_attempts = 1});
  env.Submit({{{"a"}}, {{"b"}}});
  env.Worker("w", 2);
  env.Sync("w");
  env.Fail("w", {1, 1}, FailureReason::kCrashed);
  env.Succeed("w", {2, 1});
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kFailed);
  env.Apply(SweepRetryRequested{1});
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kRunning);
  EXPECT_EQ(env.store().trials().at(1).charged, 0);
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 2}));
  env.Succeed("w", {1, 2});
  EXPECT_EQ(env.scheduler().StateOf(1), SweepState::kSucceeded);
}

TEST(Sweep, RetryReopensEverySweepThatHoldsTheTrial) {
  Environment env;
  env.Submit({{{"a"}}});
  env.Submit({{{"a"}}});
  env.Worker("w", 1);
  env.Sync("w");
  env.Fail("w", {1, 1}, FailureReason::kDiverged);
  EXPECT_EQ(env.scheduler().StateOf(2), SweepState::kFailed);
  env.Apply(SweepRetryRequested{1});
  EXPECT_EQ(env.scheduler().StateOf(2), SweepState::kRunning);
}

TEST(Sweep, FailedExpansionEndsTheSweepAndRetryGoesOn) {
  Environment env;
  const SweepId sweep = env.SubmitEmpty();
  env.Expand(sweep, {{{"a"}}}, 0, false);
  env.Apply(ExpansionFailed{sweep, "model folder is gone"});
  EXPECT_EQ(env.scheduler().StateOf(sweep), SweepState::kFailed);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kCancelled);
  env.Crash();
  env.Apply(SweepRetryRequested{sweep});
  EXPECT_EQ(env.scheduler().StateOf(sweep), SweepState::kExpanding);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
}

}  // namespace
}  // namespace sparsweep::testing
