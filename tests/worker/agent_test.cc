#include "worker/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace sparsweep {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Actions = std::vector<Action>;

constexpr AttemptKey kA{1, 1}, kB{2, 1}, kC{3, 1};
const Agent::Instant kStart{};

TrainerMessage Ready() { return TrainerReady{kTrainerProtocol, "{}"}; }
TrainerMessage Done(AttemptKey attempt) { return TrainerDone{attempt, "{\"value\":1}", {}}; }
TrainerMessage Failed(AttemptKey attempt, FailureReason reason) {
  return TrainerFailed{attempt, reason, "because"};
}
ServerAnswer Assign(std::vector<AttemptKey> attempts, std::vector<AttemptKey> acknowledged = {}) {
  ServerAnswer answer;
  for (AttemptKey attempt : attempts)
    answer.run.push_back({attempt, "spec" + AttemptText(attempt)});
  answer.acknowledged = std::move(acknowledged);
  return answer;
}

// An agent and its clock, with shortcuts to the states that tests begin in.
struct Bench {
  Agent::Instant now = kStart;
  Agent agent;

  explicit Bench(int slots = 1) : agent({.slots = slots}, kStart) {}
  void StartRunning(AttemptKey attempt) {
    agent.Apply(Assign({attempt}), now);
    agent.Apply(0, Ready(), now);
  }
  std::vector<AttemptKey> Running() {
    std::vector<AttemptKey> out;
    for (const RunningReport& running : agent.Report().running) out.push_back(running.attempt);
    return out;
  }
};

TEST(Agent, StartsATrainerForTheFirstWorkAndRunsItWhenReady) {
  Bench bench;
  EXPECT_EQ(bench.agent.Apply(Assign({kA}), bench.now), (Actions{StartTrainer{0, kA}}));
  EXPECT_EQ(bench.Running(), std::vector{kA});
  EXPECT_EQ(bench.agent.Apply(0, Ready(), bench.now), (Actions{RunTrial{0, kA, "spec1.1"}}));
}

TEST(Agent, KeepsTheTrainerForTheNextTrial) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Apply(0, Done(kA), bench.now), (Actions{StoreLog{kA}}));
  EXPECT_EQ(bench.agent.Apply(Assign({kB}, {kA}), bench.now),
            (Actions{RunTrial{0, kB, "spec2.1"}}));
}

TrainerMessage DoneWithWeights(AttemptKey attempt) {
  TrialResult result;
  result.checkpoint = KeptCheckpoint{"f", {{"config.json", "c0"}, {"model.safetensors", "d0"}}};
  return TrainerDone{attempt, TrialResultToJson(result), {}};
}

TEST(Agent, BringsTheFilesThatAResultNamesBeforeTheResult) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Apply(0, DoneWithWeights(kA), bench.now),
            (Actions{StoreLog{kA, {{"config.json", "c0"}, {"model.safetensors", "d0"}}}}));
  EXPECT_TRUE(bench.agent.Report().ended.empty());
  bench.agent.LogStored(kA, "log");
  ASSERT_EQ(bench.agent.Report().ended.size(), 1u);
  EXPECT_EQ(bench.agent.Report().ended[0].failure, std::nullopt);
}

TEST(Agent, ReportsNoResultWhoseWeightsTheServerRefused) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(0, DoneWithWeights(kA), bench.now);
  bench.agent.WeightsLost(kA, "the disk is full");
  bench.agent.LogStored(kA, "log");
  const std::vector<EndedReport> ended = bench.agent.Report().ended;
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].failure, FailureReason::kRefused);
  EXPECT_EQ(ended[0].message, "the disk is full");
  EXPECT_EQ(ended[0].result_json, "");
}

TEST(Agent, PrefersATrainerThatIsReadyToStartingAnother) {
  Bench bench(2);
  bench.agent.Apply(Assign({kA, kB}), bench.now);
  bench.agent.Apply(1, Ready(), bench.now);
  bench.agent.Apply(1, Done(kB), bench.now);
  bench.agent.Exited(0, {false, 4, false, ""}, bench.now);
  EXPECT_EQ(bench.agent.Apply(Assign({kC}), bench.now), (Actions{RunTrial{1, kC, "spec3.1"}}));
}

TEST(Agent, ReportsASuccessOnceItsLogIsStoredUntilItIsAcknowledged) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(0, Done(kA), bench.now);
  EXPECT_TRUE(bench.agent.Report().ended.empty());
  EXPECT_EQ(bench.Running(), std::vector{kA});  // absent would count as crashed
  EXPECT_EQ(bench.agent.LogStored(kA, "digest"), (Actions{SyncNow{}}));
  const EndedReport expected{kA, std::nullopt, "", "{\"value\":1}", "digest", {}};
  EXPECT_EQ(bench.agent.Report().ended, std::vector{expected});
  bench.agent.Apply(Assign({}), bench.now);
  EXPECT_EQ(bench.agent.Report().ended, std::vector{expected});
  bench.agent.Apply(Assign({}, {kA}), bench.now);
  EXPECT_TRUE(bench.agent.Report().ended.empty());
}

TEST(Agent, RepeatsPointsUntilASyncIsAnswered) {
  Bench bench;
  bench.StartRunning(kA);
  const MetricPoint one{"train/loss", 1, 0.1, 0.7}, two{"train/loss", 2, 0.2, 0.6};
  bench.agent.Apply(0, TrainerProgress{kA, 1, 10, {one}}, bench.now);
  EXPECT_EQ(bench.agent.Report().running[0].points, std::vector{one});
  bench.agent.Apply(0, TrainerProgress{kA, 2, 10, {two}}, bench.now);
  bench.agent.SyncAnswered(bench.now);
  const SyncReport report = bench.agent.Report();
  EXPECT_EQ(report.running[0].points, std::vector{two});
  EXPECT_EQ(report.running[0].step, 2);
  EXPECT_EQ(report.running[0].steps, 10);
}

TEST(Agent, AnAssignmentThatIsRepeatedStartsNothingTwice) {
  Bench bench(2);
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Apply(Assign({kA}), bench.now), Actions{});
  bench.agent.Apply(0, Done(kA), bench.now);
  EXPECT_EQ(bench.agent.Apply(Assign({kA}), bench.now), Actions{});
}

TEST(Agent, CancelsWhatTheServerDoesNotWantAndSaysNothingOfItsEnd) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Apply(Assign({}), bench.now), (Actions{CancelTrial{0, kA}}));
  EXPECT_EQ(bench.agent.Apply(0, Failed(kA, FailureReason::kInterrupted), bench.now),
            (Actions{DropLog{kA}, SyncNow{}}));
  EXPECT_TRUE(bench.agent.Report().ended.empty());
  EXPECT_TRUE(bench.agent.idle());
}

TEST(Agent, StillReportsASuccessThatWasFasterThanItsCancellation) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(Assign({}), bench.now);
  EXPECT_EQ(bench.agent.Apply(0, Done(kA), bench.now), (Actions{StoreLog{kA}}));
}

TEST(Agent, KillsATrainerThatDoesNotHearACancelAndStartsAnother) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(Assign({kB}), bench.now);
  ASSERT_EQ(bench.agent.NextDeadline(), bench.now + seconds(10));
  bench.now += seconds(10);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), (Actions{KillTrainer{0}}));
  EXPECT_EQ(bench.agent.Exited(0, {true, SIGKILL, false, ""}, bench.now),
            (Actions{DropLog{kA}, SyncNow{}, StartTrainer{0, kB}}));
}

TEST(Agent, WorkBeyondItsSlotsWaitsForOne) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Apply(Assign({kA, kB}), bench.now), Actions{});
  EXPECT_EQ(bench.Running(), (std::vector{kA, kB}));
  EXPECT_EQ(bench.agent.Apply(0, Done(kA), bench.now),
            (Actions{StoreLog{kA}, RunTrial{0, kB, "spec2.1"}}));
}

TEST(Agent, ACrashIsReportedWithItsLastWordsAndTheTrainerReplaced) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Exited(0, {true, SIGSEGV, false, "bad weights"}, bench.now),
            (Actions{StoreLog{kA}}));
  bench.agent.LogStored(kA, "");
  const EndedReport ended = bench.agent.Report().ended[0];
  EXPECT_EQ(ended.failure, FailureReason::kCrashed);
  EXPECT_EQ(ended.message, "the trainer was ended by signal 11 (Segmentation fault): bad weights");
  EXPECT_EQ(bench.agent.Apply(Assign({kB}, {kA}), bench.now), (Actions{StartTrainer{0, kB}}));
}

TEST(Agent, TellsOutOfMemoryFromOtherKills) {
  for (const auto& [exit, expected] : std::vector<std::pair<TrainerExit, FailureReason>>{
           {{true, SIGKILL, true, ""}, FailureReason::kOutOfMemory},
           {{false, 137, true, ""}, FailureReason::kOutOfMemory},
           {{false, 3, false, ""}, FailureReason::kOutOfMemory},
           {{true, SIGKILL, false, ""}, FailureReason::kCrashed},
           {{true, SIGSEGV, true, ""}, FailureReason::kCrashed}}) {
    Bench bench;
    bench.StartRunning(kA);
    bench.agent.Exited(0, exit, bench.now);
    bench.agent.LogStored(kA, "");
    EXPECT_EQ(bench.agent.Report().ended[0].failure, expected) << exit.code;
  }
}

TEST(Agent, WaitsForTheExitOfATrainerThatRanOutOfMemoryBeforeStartingAnother) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(0, Failed(kA, FailureReason::kOutOfMemory), bench.now);
  EXPECT_EQ(bench.agent.Apply(Assign({kB}), bench.now), Actions{});
  EXPECT_EQ(bench.agent.Exited(0, {false, 3, false, ""}, bench.now),
            (Actions{StartTrainer{0, kB}}));
}

TEST(Agent, ADeterministicFailureKeepsTheTrainer) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(0, Failed(kA, FailureReason::kDiverged), bench.now);
  EXPECT_EQ(bench.agent.Apply(Assign({kB}), bench.now), (Actions{RunTrial{0, kB, "spec2.1"}}));
}

TEST(Agent, ATrainerThatTalksNonsenseIsKilledAndItsAttemptCrashed) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Garbage(0, "nonsense", bench.now), (Actions{KillTrainer{0}}));
  bench.agent.Exited(0, {true, SIGKILL, false, ""}, bench.now);
  bench.agent.LogStored(kA, "");
  EXPECT_EQ(bench.agent.Report().ended[0].failure, FailureReason::kCrashed);
  EXPECT_EQ(bench.agent.Report().ended[0].message, "nonsense");
}

TEST(Agent, ATrainerOfAnotherProtocolIsNotUsed) {
  Bench bench;
  bench.agent.Apply(Assign({kA}), bench.now);
  EXPECT_EQ(bench.agent.Apply(0, TrainerReady{2, "{}"}, bench.now), (Actions{KillTrainer{0}}));
}

TEST(Agent, ATrainerThatIsNeverReadyIsKilled) {
  Bench bench;
  bench.agent.Apply(Assign({kA}), bench.now);
  bench.now += minutes(2);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), (Actions{KillTrainer{0}}));
  bench.agent.Exited(0, {true, SIGKILL, false, ""}, bench.now);
  bench.agent.LogStored(kA, "");
  EXPECT_EQ(bench.agent.Report().ended[0].message, "the trainer was not ready within 120 s");
}

TEST(Agent, ATrainerThatCannotStartSaysWhy) {
  Bench bench;
  bench.agent.Apply(Assign({kA}), bench.now);
  bench.agent.Exited(0, {false, 127, false, "no such library"}, bench.now);
  bench.agent.LogStored(kA, "");
  EXPECT_EQ(bench.agent.Report().ended[0].message,
            "before it was ready, the trainer exited with code 127: no such library");
}

TEST(Agent, LateMessagesOfAnotherAttemptAreIgnored) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Apply(0, Done(kB), bench.now), Actions{});
  EXPECT_EQ(bench.Running(), std::vector{kA});
}

TEST(Agent, TrainsOnWithoutTheServerUntilTheGraceIsOver) {
  Bench bench;
  bench.StartRunning(kA);
  ASSERT_EQ(bench.agent.NextDeadline(), kStart + minutes(15));
  bench.now = kStart + minutes(15) - milliseconds(1);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), Actions{});
  bench.now += milliseconds(1);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), (Actions{CancelTrial{0, kA}}));
}

TEST(Agent, AnAnswerRestartsTheOfflineGrace) {
  Bench bench;
  bench.StartRunning(kA);
  bench.now += minutes(10);
  bench.agent.Apply(Assign({kA}), bench.now);
  EXPECT_EQ(bench.agent.NextDeadline(), bench.now + minutes(15));
}

TEST(Agent, DrainedFinishesWhatRunsWithinItsGrace) {
  Bench bench;
  bench.StartRunning(kA);
  EXPECT_EQ(bench.agent.Drain(seconds(30), bench.now), (Actions{SyncNow{}}));
  EXPECT_EQ(bench.agent.Report().slots, 0);
  EXPECT_TRUE(bench.agent.Report().draining);
  bench.agent.Apply(0, Done(kA), bench.now);
  bench.agent.LogStored(kA, "");
  EXPECT_FALSE(bench.agent.finished());  // not acknowledged yet
  bench.agent.Apply(Assign({}, {kA}), bench.now);
  EXPECT_TRUE(bench.agent.finished());
}

TEST(Agent, DrainedGivesBackAsInterruptedWhatDoesNotFinish) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Drain(seconds(30), bench.now);
  bench.now += seconds(30);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), (Actions{CancelTrial{0, kA}}));
  bench.agent.Apply(0, Failed(kA, FailureReason::kInterrupted), bench.now);
  bench.agent.LogStored(kA, "");
  EXPECT_EQ(bench.agent.Report().ended[0].failure, FailureReason::kInterrupted);
}

TEST(Agent, DrainedWithoutGraceCancelsAtOnceAndGivesBackWhatWaits) {
  Bench bench;
  bench.StartRunning(kA);
  bench.agent.Apply(Assign({kA, kB}), bench.now);
  EXPECT_EQ(bench.agent.Drain(seconds(0), bench.now),
            (Actions{SyncNow{}, CancelTrial{0, kA}, SyncNow{}}));
  EXPECT_EQ(bench.agent.Report().ended[0].attempt, kB);
}

TEST(Agent, DrainingGivesBackWhatIsStillAssigned) {
  Bench bench;
  bench.agent.Drain(seconds(30), bench.now);
  EXPECT_EQ(bench.agent.Apply(Assign({kA}), bench.now), (Actions{SyncNow{}}));
  EXPECT_EQ(bench.agent.Report().ended[0].failure, FailureReason::kInterrupted);
}

TEST(Agent, DrainedByTheServerFinishesGivesBackTheRestAndStays) {
  Bench bench;
  bench.StartRunning(kA);
  ServerAnswer drain = Assign({kA});
  drain.drain = true;
  EXPECT_EQ(bench.agent.Apply(drain, bench.now), (Actions{SyncNow{}}));
  EXPECT_TRUE(bench.agent.Report().draining);
  EXPECT_EQ(bench.agent.Report().slots, 0);
  EXPECT_EQ(bench.agent.NextDeadline(), bench.now + minutes(1));
  bench.now += minutes(1);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), (Actions{CancelTrial{0, kA}}));
  bench.agent.Apply(0, Failed(kA, FailureReason::kInterrupted), bench.now);
  bench.agent.LogStored(kA, "");
  ServerAnswer done = Assign({}, {kA});
  done.drain = true;
  bench.agent.Apply(done, bench.now);
  EXPECT_TRUE(bench.agent.idle());
  EXPECT_FALSE(bench.agent.finished());
}

TEST(Agent, TakenBackByTheServerItWorksAgain) {
  Bench bench;
  bench.StartRunning(kA);
  ServerAnswer drain = Assign({kA});
  drain.drain = true;
  bench.agent.Apply(drain, bench.now);
  EXPECT_EQ(bench.agent.Apply(Assign({kA}), bench.now), (Actions{SyncNow{}}));
  EXPECT_FALSE(bench.agent.Report().draining);
  EXPECT_EQ(bench.agent.Report().slots, 1);
  bench.now += minutes(1);
  EXPECT_EQ(bench.agent.TimePassed(bench.now), Actions{});
  EXPECT_EQ(bench.Running(), std::vector{kA});
}

TEST(Agent, LeavingIsNotTakenBackByTheServer) {
  Bench bench;
  bench.agent.Drain(seconds(30), bench.now);
  bench.agent.Apply(Assign({}), bench.now);
  EXPECT_TRUE(bench.agent.finished());
}

TEST(Agent, IdleHasNothingToWaitFor) {
  Bench bench;
  EXPECT_EQ(bench.agent.NextDeadline(), std::nullopt);
  EXPECT_TRUE(bench.agent.has_free_slot());
}

}  // namespace
}  // namespace sparsweep
