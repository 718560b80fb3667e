// Which worker is leased what: needs and offers, exclusive trials, and what a sweep says that no
// worker can take.
#include <gmock/gmock.h>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kGiB = int64_t{1} << 30;

class Matching : public ::testing::Test {
 protected:
  void Worker(const std::string& name, int slots, WorkerOffer offer) {
    env.Worker(name, slots);
    env.Next(name).offer = std::move(offer);
  }
  std::string Waiting(SweepId sweep) { return env.store().sweeps().at(sweep).waiting_for; }
  Environment env;
};

TEST_F(Matching, DeviceLabelsAndMemoryMustAllBeOffered) {
  Worker("plain", 4, {});
  Worker("cuda", 4, {8 * kGiB, {"cpu", "cuda"}, {{"zone", "b"}}});
  Worker("right", 4, {8 * kGiB, {"cuda"}, {{"rack", "1"}, {"zone", "a"}}});
  env.SubmitWith({.needs = {4 * kGiB, "cuda", {{"zone", "a"}}}}, {{{"t"}}});
  EXPECT_THAT(env.Sync("plain").run, IsEmpty());
  EXPECT_THAT(env.Sync("cuda").run, IsEmpty());
  EXPECT_FALSE(env.scheduler().HasWorkFor("cuda", env.now()));
  EXPECT_THAT(env.Sync("right").run, ElementsAre(AttemptId{1, 1}));
}

TEST_F(Matching, MemoryOfWhatRunsIsTakenIntoAccount) {
  Worker("w", 4, {10 * kGiB, {}, {}});
  env.SubmitWith({.needs = {4 * kGiB}}, {{{"a"}}, {{"b"}}, {{"c"}}});
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}, AttemptId{2, 1}));
  EXPECT_FALSE(env.scheduler().HasWorkFor("w", env.now()));
  EXPECT_THAT(env.Succeed("w", {1, 1}).run, ElementsAre(AttemptId{2, 1}, AttemptId{3, 1}));
}

TEST_F(Matching, SlotsLeftByMemoryGoToWhatNeedsNone) {
  Worker("w", 4, {4 * kGiB, {}, {}});
  env.SubmitWith({.priority = 1, .needs = {4 * kGiB}}, {{{"big1"}}, {{"big2"}}});
  env.Submit({{{"small1"}}, {{"small2"}}});
  EXPECT_THAT(env.Sync("w").run,
              ElementsAre(AttemptId{1, 1}, AttemptId{3, 1}, AttemptId{4, 1}));
}

TEST_F(Matching, SweepThatNoWorkerCanTakeSaysSoUntilOneCan) {
  Worker("w", 1, {2 * kGiB, {"cpu"}, {}});
  env.Sync("w");
  const SweepId sweep =
      env.SubmitWith({.needs = {3 * kGiB / 2 * 2, "cuda", {{"zone", "a"}}}}, {{{"t"}}});
  EXPECT_EQ(Waiting(sweep),
            "no connected worker offers device cuda, 3 GiB of memory and label zone=a; start one "
            "that does, or submit the sweep with other needs");
  env.Crash();
  Worker("gpu", 1, {8 * kGiB, {"cuda"}, {{"zone", "a"}}});
  EXPECT_THAT(env.Sync("gpu").run, ElementsAre(AttemptId{1, 1}));
  EXPECT_EQ(Waiting(sweep), "");
}

TEST_F(Matching, SweepWithoutAnyWorkerWaitsInWords) {
  const SweepId sweep = env.Submit({{{"t"}}});
  EXPECT_EQ(Waiting(sweep), "no worker takes trials now; start one with \"sparsweep worker\"");
  Worker("w", 1, {});
  env.Sync("w");
  EXPECT_EQ(Waiting(sweep), "");
  env.Wait(seconds(30));
  EXPECT_NE(Waiting(sweep), "");
  env.Apply(SweepCancelRequested{sweep});
  EXPECT_EQ(Waiting(sweep), "");
}

TEST_F(Matching, RefusedByTheOnlyWorkerThatFitsFails) {
  Worker("gpu", 1, {0, {"cuda"}, {}});
  Worker("cpu", 1, {0, {"cpu"}, {}});
  env.Sync("cpu");
  env.SubmitWith({.needs = {0, "cuda", {}}}, {{{"t"}}});
  env.Sync("gpu");
  env.Fail("gpu", {1, 1}, FailureReason::kRefused);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
}

TEST_F(Matching, RefusedTrialFailsWhenTheLastOtherWorkerGoes) {
  Worker("a", 1, {});
  Worker("b", 1, {});
  env.Submit({{{"t"}}});
  env.Sync("a");
  env.Sync("b");
  env.Fail("a", {1, 1}, FailureReason::kRefused);
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kQueued);
  env.Apply(WorkerLeft{"b", "b-1"});
  EXPECT_EQ(env.StateOf(TrialId{1}), TrialState::kFailed);
  EXPECT_EQ(env.store().trials().at(1).message, "every worker that could take it has refused it");
}

class Exclusive : public Matching {
 protected:
  static SweepOptions Alone(int64_t priority = 0) {
    SweepOptions options;
    options.priority = priority;
    options.needs.exclusive = true;
    return options;
  }
};

TEST_F(Exclusive, TrialHasItsWorkerForItself) {
  Worker("w", 4, {});
  env.SubmitWith(Alone(1), {{{"x"}}, {{"y"}}});
  env.Submit({{{"small"}}});
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}));
  EXPECT_FALSE(env.scheduler().HasWorkFor("w", env.now()));
  EXPECT_THAT(env.Succeed("w", {1, 1}).run, ElementsAre(AttemptId{2, 1}));
  EXPECT_THAT(env.Succeed("w", {2, 1}).run, ElementsAre(AttemptId{3, 1}));
}

TEST_F(Exclusive, ReservationBindsNoOtherSweepOfTheTrial) {
  Worker("v", 2, {});
  Worker("w", 2, {});
  env.Submit({{{"a"}}, {{"b"}}, {{"c"}}});
  env.Sync("v");  // a, b
  env.Sync("w");  // c
  env.SubmitWith(Alone(1), {{{"x"}}});
  env.Succeed("v", {1, 1});  // v is emptied for x
  env.Submit({{{"x"}}});     // which another sweep wants on any worker
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{3, 1}, AttemptId{4, 1}));
}

TEST_F(Exclusive, OneWorkerIsEmptiedAndTheOthersWorkOn) {
  Worker("v", 2, {});
  Worker("w", 2, {});
  env.Submit({{{"a"}}, {{"b"}}, {{"c"}}, {{"d"}}, {{"e"}}, {{"f"}}});
  env.Sync("v");  // a, b
  env.Sync("w");  // c, d
  env.SubmitWith(Alone(1), {{{"x"}}});
  EXPECT_THAT(env.Succeed("v", {1, 1}).run, ElementsAre(AttemptId{2, 1}));  // held for x
  EXPECT_FALSE(env.scheduler().HasWorkFor("v", env.now()));
  EXPECT_THAT(env.Succeed("w", {3, 1}).run, ElementsAre(AttemptId{4, 1}, AttemptId{5, 1}));
  EXPECT_THAT(env.Succeed("v", {2, 1}).run, ElementsAre(AttemptId{7, 1}));
}

TEST_F(Exclusive, ReservationEndsWithItsWorker) {
  Worker("v", 2, {});
  Worker("w", 2, {});
  env.Submit({{{"a"}}, {{"b"}}, {{"c"}}, {{"d"}}});
  env.Sync("v");
  env.Sync("w");
  env.SubmitWith(Alone(1), {{{"x"}}});
  env.Succeed("v", {1, 1});
  env.Apply(WorkerLeft{"v", "v-1"});
  EXPECT_THAT(env.Succeed("w", {3, 1}).run, ElementsAre(AttemptId{4, 1}));  // held instead
  EXPECT_THAT(env.Succeed("w", {4, 1}).run, ElementsAre(AttemptId{5, 1}));
}

}  // namespace
}  // namespace sparsweep::testing
