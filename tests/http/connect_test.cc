// JSON in and out of the API, without HTTP.
#include "server/http/connect.h"

#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "tests/http/fake_api.h"

namespace sparsweep {
namespace {

using nlohmann::json;

HttpAnswer Call(const std::string& method, const std::string& body) {
  FakeApi api;
  std::promise<FinishAnswer> answer;
  const ConnectMethod* found = FindConnectMethod("/sparsweep.v1." + method);
  EXPECT_NE(found, nullptr) << method;
  (*found)(api, body, [&](FinishAnswer finish) { answer.set_value(std::move(finish)); });
  return answer.get_future().get()();
}

TEST(Connect, AnswersInLowerCamelCaseWithLongNumbersAsStrings) {
  const HttpAnswer answer = Call("SweepService/GetSweep", R"({"name": "sweeps/7"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body),
            json::parse(R"({"name": "sweeps/7", "displayName": "quickstart",
      "state": "SWEEP_STATE_RUNNING", "coverage": {"trials": "9007199254740992"}})"));
}

TEST(Connect, SaysWhatIsNotFound) {
  const HttpAnswer answer = Call("SweepService/GetSweep", R"({"name": "sweeps/8"})");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(json::parse(answer.body),
            json::parse(R"({"code": "not_found", "message": "there is no sweep \"sweeps/8\""})"));
}

TEST(Connect, NamesTheRefusedFieldAsBadRequest) {
  const HttpAnswer answer = Call("SweepService/CreateSweep", "{}");
  EXPECT_EQ(answer.status, 400);
  const json error = json::parse(answer.body);
  EXPECT_EQ(error["code"], "invalid_argument");
  ASSERT_EQ(error["details"].size(), 1u);
  EXPECT_EQ(error["details"][0]["type"], "google.rpc.BadRequest");
  EXPECT_EQ(error["details"][0]["debug"]["fieldViolations"][0]["field"], "axes.w[2]");
  // 0a 30: a violation of 48 bytes; 0a 09 "axes.w[2]": its field; 12 23: its description of 35.
  EXPECT_EQ(error["details"][0]["value"].get<std::string>().substr(0, 20), "CjAKCWF4ZXMud1syXRIj");
}

TEST(Connect, RefusesWhatIsNotTheMessage) {
  for (const char* body : {"", "[]", "{\"nam\": 1}", "{\"name\": 3}", "{"}) {
    const HttpAnswer answer = Call("SweepService/GetSweep", body);
    EXPECT_EQ(answer.status, 400) << body;
    const json error = json::parse(answer.body);
    EXPECT_EQ(error["code"], "invalid_argument") << body;
    EXPECT_TRUE(error["message"].get<std::string>().starts_with(
        "the request is not the JSON form of sparsweep.v1.GetSweepRequest: "))
        << error;
  }
}

TEST(Connect, RepairsAMessageThatIsNotUtf8) {
  const HttpAnswer answer = ConnectError(InvalidArgument("bad byte \xff here"));
  EXPECT_EQ(json::parse(answer.body)["message"], "bad byte \xef\xbf\xbd here");
}

TEST(Connect, DoesNotOfferWhatOnlyWorkersCall) {
  EXPECT_EQ(FindConnectMethod("/sparsweep.v1.WorkerService/Sync"), nullptr);
  EXPECT_EQ(FindConnectMethod("/sparsweep.v1.SweepService/DropEverything"), nullptr);
  EXPECT_NE(FindConnectMethod("/sparsweep.v1.WorkerService/ListWorkers"), nullptr);
}

TEST(EventText, HasAnIdOnlyWhereTheChangeIsDurable) {
  v1::WatchEventsResponse event;
  event.set_event(42);
  event.set_type("trial");
  event.set_trial("trials/3");
  EXPECT_EQ(EventText(event),
            "id: 42\ndata: {\"event\":\"42\",\"type\":\"trial\",\"trial\":\"trials/3\"}\n\n");
  v1::WatchEventsResponse hint;
  hint.set_type("progress");
  hint.set_message("line\nbreak");
  EXPECT_EQ(EventText(hint), "data: {\"type\":\"progress\",\"message\":\"line\\nbreak\"}\n\n");
}

}  // namespace
}  // namespace sparsweep
