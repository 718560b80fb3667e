// What people ask of sweeps and trials after they were submitted: delete, retry, reprioritise,
// cancel, pause and resume of single trials, invalidate, drain; and fresh runs.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Two sweeps that share the trial "shared" (2); a worker with three slots that runs 1, 2 and 3.
class Lifecycle : public ::testing::Test {
 protected:
  Lifecycle() {
    first = env.Submit({{{"a"}}, {{"shared"}}});
    second = env.Submit({{{"shared"}}, {{"b"}}});
    env.Worker("w", 3);
  }
  void RunAll() {
    env.Sync("w");
    for (TrialId trial = 1; trial <= 3; ++trial) env.Succeed("w", {trial, 1});
  }
  Environment env;
  SweepId first = 0, second = 0;
};

TEST_F(Lifecycle, DeleteKeepsWhatOthersHoldAndStopsTheRest) {
  env.Sync("w");
  const auto effects = env.Apply(SweepDeleteRequested{first});
  ASSERT_EQ(Only<SweepDeleted>(effects).size(), 1u);
  EXPECT_THAT(Only<SweepShrunk>(effects).at(0).deleted, ElementsAre(1));
  EXPECT_EQ(Only<SweepDeletionBegun>(effects).at(0).next_trial, 4);
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 1}, AttemptId{3, 1}));
  EXPECT_EQ(env.scheduler().StateOf(first), std::nullopt);
  EXPECT_EQ(env.Refused(SweepDeleteRequested{first}).code(), StatusCode::kNotFound);
}

TEST_F(Lifecycle, DeletedSweepsRunningTrialIsChargedToTheOther) {
  env.Sync("w");
  env.Apply(SweepDeleteRequested{first});
  EXPECT_EQ(env.store().trials().at(2).attempts.at(1).charged_to, second);
  EXPECT_EQ(env.StateOf(AttemptId{2, 1}), AttemptState::kRunning);
}

TEST_F(Lifecycle, NumbersOfDeletedTrialsAreNotGivenOutAgain) {
  env.Apply(SweepDeleteRequested{first});
  env.Apply(SweepDeleteRequested{second});
  env.Crash();
  EXPECT_EQ(env.Submit({{{"a"}}}), 3);
  EXPECT_EQ(env.TrialOf("a"), 4);
}

TEST_F(Lifecycle, LateSuccessOfADeletedTrialIsForgotten) {
  env.Sync("w");
  env.Apply(SweepDeleteRequested{first});
  EXPECT_THAT(env.Succeed("w", {1, 1}).acknowledged, ElementsAre(AttemptId{1, 1}));
  EXPECT_THAT(Only<AttemptEnded>(env.effects()), IsEmpty());
}

TEST_F(Lifecycle, RetryTakesThoseThatFailedForTheNamedReasons) {
  env.Sync("w");
  env.Fail("w", {1, 1}, FailureReason::kDiverged);
  env.Fail("w", {2, 1}, FailureReason::kOutOfMemory);
  env.Apply(SweepRetryRequested{first, {FailureReason::kOutOfMemory}});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kQueued);
}

TEST_F(Lifecycle, RetryByReasonStillKnowsThemAfterARestart) {
  env.Sync("w");
  env.Fail("w", {1, 1}, FailureReason::kDiverged);
  env.Crash();
  env.Apply(SweepRetryRequested{first, {FailureReason::kOutOfMemory}});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
  env.Apply(SweepRetryRequested{first, {FailureReason::kDiverged}});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
}

TEST_F(Lifecycle, RetryOfNamedTrialsTakesCancelledOnesToo) {
  env.Apply(SweepCancelRequested{first, {{1}}});
  env.Apply(SweepRetryRequested{first});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kCancelled);
  env.Apply(SweepRetryRequested{first, {}, {{1}}});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
}

TEST_F(Lifecycle, CancelOfSharedTrialEndsOneSweepsInterestOnly) {
  env.Sync("w");
  env.Apply(SweepCancelRequested{first, {{1, 2}}});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kCancelled);
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kRunning);
  EXPECT_EQ(env.scheduler().CoverageOf(first),
            (Coverage{.cells = 2, .trials = 2, .cancelled = 2}));
  EXPECT_EQ(env.scheduler().StateOf(first), SweepState::kFailed);
  EXPECT_EQ(env.store().sweeps().at(first).message, "2 of 2 trials were cancelled");
  EXPECT_EQ(env.scheduler().CoverageOf(second), (Coverage{.cells = 2, .trials = 2, .running = 2}));
}

TEST_F(Lifecycle, CancelOfATrialIsForEverySweep) {
  env.Sync("w");
  env.Apply(TrialCancelRequested{2});
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kCancelled);
  EXPECT_EQ(env.StateOf(AttemptId{2, 1}), AttemptState::kCancelled);
  env.Crash();
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kCancelled);
  env.Apply(TrialRetryRequested{2});
  EXPECT_EQ(env.StateOf(TrialId{2}), TrialState::kQueued);
}

TEST_F(Lifecycle, TrialsOfAnotherSweepAreRefusedAndNothingChanges) {
  const Status status = env.Refused(SweepCancelRequested{first, {{1, 3}}});
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "trial 3 is not one of sweep 1; list the trials it has");
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
}

TEST_F(Lifecycle, PausedTrialWaitsForItsResume) {
  env.Apply(SweepPauseRequested{first, {{1}}});
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 1}, AttemptId{3, 1}));
  env.Crash();
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 1}, AttemptId{3, 1}));
  env.Apply(SweepResumeRequested{first, {{1}}});
  EXPECT_TRUE(env.scheduler().HasWorkFor("w", env.now()));
  EXPECT_THAT(env.Sync("w").run,
              ElementsAre(AttemptId{1, 1}, AttemptId{2, 1}, AttemptId{3, 1}));
}

TEST_F(Lifecycle, TrialPausedByOneSweepRunsForTheOther) {
  env.Apply(SweepPauseRequested{first, {{2}}});
  env.Sync("w");
  EXPECT_EQ(env.store().trials().at(2).attempts.at(1).charged_to, second);
}

TEST_F(Lifecycle, ResumeOfTheSweepLiftsThePausesOfItsTrials) {
  env.Apply(TrialPauseRequested{1});
  env.Apply(SweepResumeRequested{first});
  EXPECT_THAT(env.Sync("w").run,
              ElementsAre(AttemptId{1, 1}, AttemptId{2, 1}, AttemptId{3, 1}));
}

TEST_F(Lifecycle, InvalidationKeepsTheResultAndReopensEverySweepThatHoldsIt) {
  RunAll();
  EXPECT_EQ(env.scheduler().StateOf(first), SweepState::kSucceeded);
  const auto effects = env.Apply(ResultsInvalidated{{2, 99}, "worker w was wrong"});
  EXPECT_EQ(Only<ResultInvalidated>(effects).size(), 1u);
  const StoreModel::Trial& trial = env.store().trials().at(2);
  EXPECT_EQ(trial.result, std::nullopt);
  EXPECT_EQ(trial.replicates.at(1), "result of w");
  EXPECT_EQ(trial.stale.count(1), 1u);
  EXPECT_EQ(trial.message, "worker w was wrong");
  EXPECT_EQ(env.scheduler().StateOf(first), SweepState::kRunning);
  EXPECT_EQ(env.scheduler().StateOf(second), SweepState::kRunning);
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 2}));
  env.Succeed("w", {2, 2});
  EXPECT_EQ(env.scheduler().StateOf(first), SweepState::kSucceeded);
  EXPECT_EQ(trial.accepted, 2);
}

TEST_F(Lifecycle, InvalidatedResultOfACancelledSweepIsNotRunAgain) {
  env.Sync("w");
  env.Succeed("w", {1, 1});
  env.Apply(SweepCancelRequested{first});
  env.Apply(ResultsInvalidated{{1}, "wrong"});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kCancelled);
}

TEST_F(Lifecycle, AttemptFromBeforeAnInvalidationDoesNotCount) {
  env.Worker("late", 1);
  env.Sync("late");                      // 1#1
  env.Wait(seconds(31));                 // lost
  env.Wait(seconds(1));
  env.Sync("w");                         // 1#2, 2#1, 3#1
  env.Succeed("w", {1, 2});
  env.Apply(ResultsInvalidated{{1}, "wrong"});
  env.Crash();
  env.Next("late").running.clear();
  env.Succeed("late", {1, 1});
  EXPECT_EQ(env.store().trials().at(1).result, std::nullopt);
  EXPECT_EQ(env.StateOf(AttemptId{1, 1}), AttemptState::kReplicate);
  EXPECT_EQ(env.StateOf(AttemptId{1, 3}), AttemptState::kRunning);  // it is run anew
  EXPECT_EQ(env.store().trials().at(1).stale, (std::set<int>{1, 2}));
}

TEST_F(Lifecycle, RetryOfATrialWithAResultIsRefused) {
  RunAll();
  EXPECT_EQ(env.Refused(TrialRetryRequested{1}).message(),
            "trial 1 has a result; invalidate the result to run it again");
  EXPECT_EQ(env.Refused(TrialCancelRequested{1}).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(env.Refused(TrialPauseRequested{9}).code(), StatusCode::kNotFound);
}

TEST_F(Lifecycle, ReprioritiseChangesTheOrderOfWhatIsQueued) {
  env.Apply(SweepReprioritised{second, 7});
  env.Worker("one", 1);
  EXPECT_THAT(env.Sync("one").run, ElementsAre(AttemptId{2, 1}));
  EXPECT_EQ(env.store().sweeps().at(second).options.priority, 7);
  EXPECT_THAT(env.Apply(SweepReprioritised{second, 7}), IsEmpty());
  EXPECT_EQ(env.Refused(SweepReprioritised{second, {}, 0.0}).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(Lifecycle, DrainedWorkerFinishesWhatItRunsAndGetsNothingNew) {
  env.Next("w").slots = 1;
  env.Sync("w");
  env.Apply(WorkerDrainRequested{"w"});
  EXPECT_EQ(env.store().workers().at("w").state, "draining");
  env.Crash();
  const Instruction answer = env.Succeed("w", {1, 1});
  EXPECT_TRUE(answer.drain);
  EXPECT_THAT(answer.run, IsEmpty());
  env.Apply(WorkerDrainRequested{"w", false});
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{2, 1}));
  EXPECT_EQ(env.Refused(WorkerDrainRequested{"nobody"}).code(), StatusCode::kNotFound);
}

TEST_F(Lifecycle, DrainEndsWithANewIncarnation) {
  env.Sync("w");
  env.Apply(WorkerDrainRequested{"w"});
  env.Restart("w");
  EXPECT_FALSE(env.Sync("w").drain);
  EXPECT_EQ(env.store().workers().at("w").state, "online");
}

TEST_F(Lifecycle, FreshSweepRunsAnewAndNobodyElsesResultChanges) {
  RunAll();
  const SweepId fresh = env.SubmitWith({.fresh = true}, {{{"a"}}, {{"shared"}}, {{"a"}}});
  EXPECT_EQ(env.scheduler().CoverageOf(fresh), (Coverage{.cells = 3, .trials = 2, .queued = 2}));
  EXPECT_EQ(env.store().trials().at(4).identity, Identity("a"));
  EXPECT_EQ(env.store().trials().at(4).generation, 2);
  EXPECT_EQ(env.store().trials().at(1).result, "result of w");
  const SweepId later = env.Submit({{{"a"}}});  // joins the newest
  EXPECT_EQ(env.scheduler().CoverageOf(later), (Coverage{.cells = 1, .trials = 1, .queued = 1}));
}

TEST_F(Lifecycle, GenerationsSurviveARestartAndADelete) {
  RunAll();
  const SweepId fresh = env.SubmitWith({.fresh = true}, {{{"a"}}});
  env.Crash();
  EXPECT_EQ(env.scheduler().CoverageOf(env.Submit({{{"a"}}}))->queued, 1);
  env.Apply(SweepDeleteRequested{fresh + 1});
  env.Apply(SweepDeleteRequested{fresh});
  EXPECT_EQ(env.scheduler().CoverageOf(env.Submit({{{"a"}}}))->succeeded, 1);
}

}  // namespace
}  // namespace sparsweep::testing
