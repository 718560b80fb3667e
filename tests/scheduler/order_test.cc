// In which order trials are leased.
#include <gmock/gmock.h>

#include "scheduler/queue.h"
#include "tests/scheduler/environment.h"

namespace sparsweep::testing {
namespace {

using ::testing::ElementsAre;

// The names of the trials in the order in which one worker of one slot gets them.
std::vector<std::string> Order(Environment& env, const std::vector<std::string>& names) {
  std::vector<std::string> order;
  env.Worker("w", 1);
  Instruction answer = env.Sync("w");
  while (!answer.run.empty()) {
    for (const std::string& name : names) {
      if (env.TrialOf(name) == answer.run[0].trial) order.push_back(name);
    }
    answer = env.Succeed("w", answer.run[0]);
  }
  return order;
}

TEST(Order, BaselinesComeFirstThenOneSeedOfEveryCell) {
  Environment env;
  env.Submit({{{"a1", "a2"}}, {{"b1", "b2"}}, {{"base1", "base2"}, true}});
  EXPECT_THAT(Order(env, {"a1", "a2", "b1", "b2", "base1", "base2"}),
              ElementsAre("base1", "base2", "a1", "b1", "a2", "b2"));
}

TEST(Order, HigherPriorityGoesFirst) {
  Environment env;
  env.Submit({{{"low1"}}, {{"low2"}}}, 0);
  env.Submit({{{"high1"}}, {{"high2"}}}, 5);
  EXPECT_THAT(Order(env, {"low1", "low2", "high1", "high2"}),
              ElementsAre("high1", "high2", "low1", "low2"));
}

TEST(Order, SweepsOfEqualPriorityTakeTurns) {
  Environment env;
  env.Submit({{{"a1"}}, {{"a2"}}, {{"a3"}}});
  env.Submit({{{"b1"}}, {{"b2"}}});
  EXPECT_THAT(Order(env, {"a1", "a2", "a3", "b1", "b2"}),
              ElementsAre("a1", "b1", "a2", "b2", "a3"));
}

TEST(Order, LateSweepDoesNotCatchUpOnTurnsItWasNotThereFor) {
  Environment env;
  env.Submit({{{"a1"}}, {{"a2"}}, {{"a3"}}, {{"a4"}}, {{"a5"}}});
  env.Worker("w", 1);
  Instruction answer = env.Sync("w");
  for (int i = 0; i < 2; ++i) answer = env.Succeed("w", answer.run[0]);
  EXPECT_EQ(answer.run[0].trial, env.TrialOf("a3"));
  env.Submit({{{"b1"}}, {{"b2"}}, {{"b3"}}});
  std::vector<TrialId> order;
  for (int i = 0; i < 4; ++i) {
    answer = env.Succeed("w", answer.run[0]);
    order.push_back(answer.run[0].trial);
  }
  EXPECT_THAT(order, ElementsAre(env.TrialOf("b1"), env.TrialOf("a4"), env.TrialOf("b2"),
                                 env.TrialOf("a5")));
}

// One worker of a device that two sweeps want, and one that another sweep keeps far busier.
TEST(Order, WeightsDecideWhateverThePaceOfSweepsWithOtherNeeds) {
  Environment env;
  const auto submit = [&](const std::string& name, double weight, const char* device, int trials) {
    SweepOptions options;
    options.weight = weight;
    options.needs.device = device;
    std::vector<CellOf> cells;
    for (int i = 0; i < trials; ++i) cells.push_back({{name + std::to_string(i)}});
    return env.SubmitWith(options, cells);
  };
  const SweepId one = submit("one", 1, "cuda", 40), three = submit("three", 3, "cuda", 40);
  submit("other", 1, "cpu", 200);
  env.Worker("slow", 1);
  env.Next("slow").offer.devices = {"cuda"};
  env.Worker("fast", 1);
  env.Next("fast").offer.devices = {"cpu"};
  Instruction slow = env.Sync("slow"), fast = env.Sync("fast");
  std::map<SweepId, int> turns;
  for (int i = 0; i < 40; ++i) {
    ++turns[env.store().trials().at(slow.run[0].trial).attempts.at(1).charged_to];
    slow = env.Succeed("slow", slow.run[0]);
    for (int j = 0; j < 4; ++j) fast = env.Succeed("fast", fast.run[0]);
  }
  EXPECT_EQ(turns[one], 10);
  EXPECT_EQ(turns[three], 30);
}

TEST(Order, SharedTrialRunsAtTheHighestPriorityOfItsSweeps) {
  Environment env;
  env.Submit({{{"other"}}, {{"shared"}}}, 0);
  env.Submit({{{"shared"}}}, 9);
  EXPECT_THAT(Order(env, {"other", "shared"}), ElementsAre("shared", "other"));
}

TEST(Order, ACellNamedAgainAsBaselineMovesItsTrialToTheFront) {
  Environment env;
  env.Submit({{{"a"}}, {{"dense"}}, {{"dense"}, true}});
  EXPECT_THAT(Order(env, {"a", "dense"}), ElementsAre("dense", "a"));
}

TEST(Order, WorkerGetsAsManyTrialsAsItHasSlots) {
  Environment env;
  env.Submit({{{"a"}}, {{"b"}}, {{"c"}}});
  env.Worker("w", 2);
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}, AttemptId{2, 1}));
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}, AttemptId{2, 1}));
}

TEST(Order, DrainingWorkerKeepsWhatItRunsAndGetsNothingNew) {
  Environment env;
  env.Submit({{{"a"}}, {{"b"}}});
  env.Worker("w", 2);
  env.Next("w").slots = 1;
  env.Sync("w");
  env.Next("w").slots = 0;
  env.Next("w").draining = true;
  EXPECT_THAT(env.Sync("w").run, ElementsAre(AttemptId{1, 1}));
  EXPECT_EQ(env.store().workers().at("w").state, "draining");
}

TEST(Order, HasWorkNeedsBothATrialAndASlot) {
  Environment env;
  env.Worker("w", 1);
  env.Sync("w");
  EXPECT_FALSE(env.scheduler().HasWork(env.now()));
  env.Submit({{{"a"}}, {{"b"}}});
  EXPECT_TRUE(env.scheduler().HasWork(env.now()));
  EXPECT_TRUE(env.scheduler().HasWorkFor("w", env.now()));
  EXPECT_FALSE(env.scheduler().HasWorkFor("another", env.now()));
  env.Sync("w");
  EXPECT_FALSE(env.scheduler().HasWork(env.now()));
}

TEST(Queue, ClosedLaneKeepsItsTrials) {
  Queue queue;
  const auto any = [](TrialId, int) { return true; };
  queue.Add(1, {}, 7);
  EXPECT_TRUE(queue.empty());
  queue.Open(1, {});
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.First({0}, any)->trial, 7);
  queue.Close(1);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.First({0}, any));
}

}  // namespace
}  // namespace sparsweep::testing
