// The HTTP front through a real socket.
#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/http/client.h"
#include "tests/http/fake_api.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest()
      : folder_(fs::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::create_directories(folder_ / "assets");
    std::ofstream(folder_ / "index.html") << "<title>sparsweep</title>";
    std::ofstream(folder_ / "assets/a-1.js") << "plain";
    std::ofstream(folder_ / "assets/a-1.js.gz") << "packed";
    auto server = HttpServer::Start({.web_dir = folder_, .heartbeat_seconds = 1}, api_);
    EXPECT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }
  ~HttpServerTest() override {
    server_.reset();
    fs::remove_all(folder_);
  }

  std::string Exchange(const std::string& request) {
    Client client(server_->port());
    client.Send(request);
    return client.ReadAll();
  }
  std::string Get(const std::string& path, const std::string& headers = "Host: localhost\r\n") {
    return Exchange("GET " + path + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n");
  }
  std::string Post(const std::string& method, const std::string& body,
                   const std::string& headers = "Content-Type: application/json\r\n") {
    return Exchange("POST /sparsweep.v1." + method + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
                    "Content-Length: " + std::to_string(body.size()) +
                    "\r\nConnection: close\r\n\r\n" + body);
  }

  const fs::path folder_;
  FakeApi api_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, CallsAMethod) {
  const std::string answer = Post("SweepService/GetSweep", R"({"name": "sweeps/7"})");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\"displayName\":\"quickstart\""));
}

TEST_F(HttpServerTest, AnswersErrorsInConnectsForm) {
  const std::string answer = Post("SweepService/GetSweep", R"({"name": "sweeps/9"})");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer, HasSubstr("\"code\":\"not_found\""));
  EXPECT_THAT(Post("SweepService/CreateSweep", "{}"), HasSubstr("axes.w[2]"));
  EXPECT_THAT(Post("SweepService/Nothing", "{}"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, KeepsAConnectionForSeveralRequests) {
  Client client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    EXPECT_THAT(client.ReadUntil("ok\n"), HasSubstr("200 OK"));
  }
}

TEST_F(HttpServerTest, ServesTheDashboardWithItsPolicy) {
  const std::string page = Get("/sweeps/7?sort=mean");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'self';"));
  EXPECT_THAT(page, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(page, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(page, HasSubstr("Cache-Control: no-cache\r\n"));
  EXPECT_THAT(page, HasSubstr("<title>sparsweep</title>"));
}

TEST_F(HttpServerTest, SendsThePackedFileToWhoTakesIt) {
  const std::string packed = Get("/assets/a-1.js", "Host: [::1]\r\nAccept-Encoding: gzip, br\r\n");
  EXPECT_THAT(packed, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(packed, HasSubstr("max-age=31536000, immutable"));
  EXPECT_THAT(packed, testing::EndsWith("\r\n\r\npacked"));
  EXPECT_THAT(Get("/assets/a-1.js"), testing::EndsWith("\r\n\r\nplain"));
  EXPECT_THAT(Get("/assets/a-2.js"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, SendsTheHeadAlone) {
  const std::string head =
      Exchange("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 24\r\n"));
  EXPECT_THAT(head, testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, RefusesForeignHosts) {
  for (const char* path : {"/", "/healthz", "/v1/events"}) {
    const std::string answer = Get(path, "Host: evil.example\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 ")) << path;
    EXPECT_THAT(answer, HasSubstr("this server answers to IP addresses, localhost and")) << path;
  }
}

TEST_F(HttpServerTest, RefusesCallsOfOtherSites) {
  const std::string json = "Content-Type: application/json\r\n";
  EXPECT_THAT(Post("SweepService/GetSweep", R"({"name": "sweeps/7"})",
                   json + "Origin: http://localhost\r\n"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Post("SweepService/GetSweep", "{}", json + "Origin: http://evil.example\r\n"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Post("SweepService/GetSweep", "{}", "Content-Type: text/plain\r\n"),
              StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(Get("/sparsweep.v1.SweepService/GetSweep"), Not(HasSubstr("quickstart")));
}

TEST_F(HttpServerTest, RefusesTooMuchAndNonsense) {
  EXPECT_THAT(Exchange("POST /sparsweep.v1.SweepService/GetSweep HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Exchange("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

v1::WatchEventsResponse Event(int64_t id, const std::string& type) {
  v1::WatchEventsResponse event;
  event.set_event(id);
  event.set_type(type);
  return event;
}

TEST_F(HttpServerTest, StreamsEventsAndHeartbeats) {
  Client client(server_->port());
  client.Send(
      "GET /v1/events?sweep=sweeps%2F7 HTTP/1.1\r\nHost: localhost\r\n"
      "Last-Event-ID: 41\r\n\r\n");
  const std::string head = client.ReadUntil("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  const v1::WatchEventsRequest request = api_.WaitForSubscriber();
  EXPECT_EQ(request.parent(), "sweeps/7");
  EXPECT_EQ(request.after_event(), 41);
  EXPECT_EQ(client.ReadUntil("\n\n"), "retry: 1000\n\n");
  EXPECT_EQ(client.ReadUntil("\n\n"), ":\n\n");  // after a second without events
  api_.feed->Push({Event(42, "trial"), Event(0, "progress")});
  std::string text;
  do {
    text = client.ReadUntil("\n\n");
  } while (text == ":\n\n");
  EXPECT_EQ(text, "id: 42\ndata: {\"event\":\"42\",\"type\":\"trial\"}\n\n");
  EXPECT_EQ(client.ReadUntil("\n\n"), "data: {\"type\":\"progress\"}\n\n");
  api_.feed->Push({});
  EXPECT_THAT(client.ReadAll(), HasSubstr("event: end\n"));
}

TEST_F(HttpServerTest, StreamsOnlyWhatComesWhereNothingIsToBeResumed) {
  Client client(server_->port());
  client.Send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(api_.WaitForSubscriber().after_event(), -1);
}

TEST_F(HttpServerTest, RefusesTheEventsOfAnUnknownSweep) {
  EXPECT_THAT(Get("/v1/events?sweep=sweeps/9"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, CountsForPrometheus) {
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer,
              HasSubstr("# TYPE sparsweep_trials gauge\nsparsweep_trials{state=\"queued\"} 12\n"));
  EXPECT_THAT(answer, HasSubstr("# TYPE sparsweep_workers gauge\n"));
}

TEST_F(HttpServerTest, StopsWhileACallIsOpenAndIgnoresItsLateReply) {
  Client client(server_->port());
  client.Send(
      "POST /sparsweep.v1.SweepService/ListSweeps HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  api_.WaitForHeld();
  Client stream(server_->port());
  stream.Send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  api_.WaitForSubscriber();
  server_->Stop();
  api_.held[0](v1::ListSweepsResponse());
  api_.feed->Push({Event(1, "sweep")});
  EXPECT_EQ(client.ReadAll(), "");
  server_->Stop();
}

TEST_F(HttpServerTest, SaysThatThePortIsInUse) {
  const auto second = HttpServer::Start({.port = static_cast<uint16_t>(server_->port())}, api_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(
      second.status().message(),
      "cannot serve HTTP on 127.0.0.1:" + std::to_string(server_->port()) +
          ": the port is in use; stop what listens there or choose another (0: any free one)");
}

TEST_F(HttpServerTest, StaysOnLoopbackUnlessTold) {
  const auto open = HttpServer::Start({.address = "0.0.0.0"}, api_);
  ASSERT_FALSE(open.ok());
  EXPECT_THAT(open.status().message(), HasSubstr("pass --insecure"));
  const auto six = HttpServer::Start({.address = "[::1]"}, api_);
  EXPECT_TRUE(six.ok()) << six.status().message();
  const auto bold = HttpServer::Start({.address = "0.0.0.0", .insecure = true}, api_);
  EXPECT_TRUE(bold.ok());
}

}  // namespace
}  // namespace sparsweep
