// Commands in and messages out, over a real socket pair.
#include "trainer/protocol.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace sparsweep {
namespace {

using nlohmann::json;

TEST(ParseCommand, ReadsTheThreeCommands) {
  auto run = ParseCommand(R"({"type":"run","attempt":"a.1","trial":{"seed":3},"later":true})");
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->kind, Command::Kind::kRun);
  EXPECT_EQ(run->attempt, "a.1");
  EXPECT_EQ(run->trial_json, R"({"seed":3})");
  EXPECT_EQ(ParseCommand(R"({"type":"cancel"})")->kind, Command::Kind::kCancel);
  EXPECT_EQ(ParseCommand(R"({"type":"quit"})")->kind, Command::Kind::kQuit);
}

TEST(ParseCommand, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(ParseCommand("{").status().message(), "a command is not a JSON object with a type");
  EXPECT_EQ(ParseCommand(R"({"type":"dance"})").status().message(), "unknown command \"dance\"");
  EXPECT_EQ(ParseCommand(R"({"type":"run","attempt":"a"})").status().message(),
            "a run needs attempt and trial");
}

TEST(Channel, ReadsLinesThenTheEnd) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Channel channel(ends[0]);
  EXPECT_FALSE(channel.Next(false)->has_value()) << "nothing has come yet";
  const std::string text = "{\"type\":\"cancel\",\"attempt\":\"x\"}\n{\"type\":\"can";
  ASSERT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ((*channel.Next(true))->attempt, "x");
  EXPECT_FALSE(channel.Next(false)->has_value()) << "half a line";
  channel.Send("hello");
  char answer[16];
  EXPECT_EQ(std::string(answer, read(ends[1], answer, sizeof(answer))), "hello\n");
  close(ends[1]);
  EXPECT_EQ((*channel.Next(true))->kind, Command::Kind::kQuit);
  close(ends[0]);
}

class Recorder : public Outlet {
 public:
  void Send(const std::string& line) override { messages.push_back(json::parse(line)); }
  bool Cancelled() override { return false; }
  std::vector<json> messages;
};

TEST(RunReporter, SendsEveryPointOnceAndThrottlesSteps) {
  Recorder recorder;
  std::FILE* log = std::fopen("/dev/null", "w");
  RunReporter reporter(recorder, "a", log);
  reporter.OnPhase("train", 1000, 2);
  for (int64_t step = 1; step <= 1000; ++step) {
    reporter.OnStep({step, 1000, 2.0 * double(step) / 1000, 1.0 / double(step), 1e-3});
  }
  reporter.OnEvaluation(1000, 2, {{"accuracy", 0.5}, {"loss", std::nan("")}});
  reporter.Fail({FailureReason::kDiverged, "too \"far\""});
  std::fclose(log);

  EXPECT_EQ(recorder.messages.front(), json({{"type", "started"},
                                             {"attempt", "a"},
                                             {"phase", "train"},
                                             {"steps", 1000},
                                             {"epochs", 2}}));
  EXPECT_LT(recorder.messages.size(), 20u);
  std::map<std::string, std::vector<int64_t>> points;
  for (const json& message : recorder.messages) {
    if (!message.contains("points")) continue;
    for (const json& point : message["points"]) points[point["name"]].push_back(point["step"]);
  }
  std::vector<int64_t> expected = {1};
  for (int64_t step = 5; step <= 1000; step += 5) expected.push_back(step);
  EXPECT_EQ(points["train/loss"], expected);
  EXPECT_EQ(points["train/lr"], expected);
  EXPECT_EQ(points["dev/accuracy"], (std::vector<int64_t>{1000}));
  const json& eval = recorder.messages[recorder.messages.size() - 2];
  EXPECT_EQ(eval["type"], "eval");
  EXPECT_TRUE(eval["metrics"]["loss"].is_null());
  EXPECT_EQ(recorder.messages.back(), json({{"type", "failed"},
                                            {"attempt", "a"},
                                            {"reason", "diverged"},
                                            {"message", "too \"far\""}}));
}

}  // namespace
}  // namespace sparsweep
