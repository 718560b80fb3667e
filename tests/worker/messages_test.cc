#include "worker/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Parsed(std::string_view line) {
  const auto message = ParseTrainerMessage(line);
  EXPECT_TRUE(message.ok()) << line;
  return std::get<T>(*message);
}

std::string Refused(std::string_view line) {
  const auto message = ParseTrainerMessage(line);
  EXPECT_FALSE(message.ok()) << line;
  return message.ok() ? "" : message.status().message();
}

TEST(TrainerMessages, AttemptTextRoundTrips) {
  EXPECT_EQ(AttemptText({17, 2}), "17.2");
  EXPECT_EQ(ParseAttemptText("17.2"), (AttemptKey{17, 2}));
  for (const char* text : {"", "17", "17.", ".2", "17.2x", "a.b"}) {
    EXPECT_FALSE(ParseAttemptText(text)) << text;
  }
}

TEST(TrainerMessages, ReadsTheProtocolsExamples) {
  EXPECT_EQ(Parsed<TrainerReady>(R"({"type":"ready","protocol":1,"pid":3})").protocol, 1);
  const auto phase = Parsed<TrainerPhase>(
      R"({"type":"started","attempt":"1.2","phase":"train","steps":150,"epochs":2})");
  EXPECT_EQ(phase.phase, "train");
  EXPECT_EQ(phase.steps, 150);
  const auto step = Parsed<TrainerProgress>(
      R"({"type":"step","attempt":"1.2","step":9,"steps":150,"epoch":0.12,"loss":0.69,)"
      R"("points":[{"name":"train/loss","step":9,"epoch":0.12,"value":0.69}]})");
  EXPECT_EQ(step.attempt, (AttemptKey{1, 2}));
  EXPECT_EQ(step.step, 9);
  EXPECT_THAT(step.points, ElementsAre(MetricPoint{"train/loss", 9, 0.12, 0.69}));
  const auto done = Parsed<TrainerDone>(
      R"({"type":"done","attempt":"1.2","result":{"metric":"accuracy","value":0.868}})");
  EXPECT_EQ(done.result_json, R"({"metric":"accuracy","value":0.868})");
  const auto failed = Parsed<TrainerFailed>(
      R"({"type":"failed","attempt":"1.2","reason":"diverged","message":"loss was nan"})");
  EXPECT_EQ(failed.reason, FailureReason::kDiverged);
  EXPECT_EQ(failed.message, "loss was nan");
}

TEST(TrainerMessages, LeavesOutPointsThatAreNotFinite) {
  EXPECT_TRUE(Parsed<TrainerProgress>(R"({"type":"step","attempt":"1.2","step":9,"steps":9,)"
                                      R"("points":[{"name":"x","step":1,"value":null}]})")
                  .points.empty());
}

TEST(TrainerMessages, RefusesWhatIsNoMessageWithASentence) {
  EXPECT_EQ(Refused("Segmentation fault"),
            "the trainer broke its protocol: \"Segmentation fault\" is not a JSON object");
  EXPECT_THAT(Refused("\x01\xff"), HasSubstr("\"??\""));
  EXPECT_THAT(Refused(R"({"type":"dance","attempt":"1.1"})"), HasSubstr("\"dance\""));
  EXPECT_THAT(Refused(R"({"type":"step","step":1})"), HasSubstr("names no attempt"));
  EXPECT_THAT(Refused(R"({"type":"done","attempt":"1.1"})"), HasSubstr("without a result"));
  EXPECT_THAT(Refused(R"({"type":"failed","attempt":"1.1","reason":"bored"})"),
              HasSubstr("\"bored\""));
}

TEST(TrainerMessages, WritesCommandsAsLines) {
  EXPECT_EQ(RunLine({1, 2}, R"({"seed":1})"),
            "{\"type\":\"run\",\"attempt\":\"1.2\",\"trial\":{\"seed\":1}}\n");
  EXPECT_EQ(CancelLine({1, 2}), "{\"type\":\"cancel\",\"attempt\":\"1.2\"}\n");
}

}  // namespace
}  // namespace sparsweep
