// A worker that lies, through real gRPC: it is refused, counted, and changes nothing.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <limits>

#include "server/server.h"
#include "server/store/file.h"
#include "sparsweep/v1/sweep.grpc.pb.h"
#include "sparsweep/v1/worker.grpc.pb.h"
#include "tests/http/client.h"
#include "tests/server/data_folder.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::HasSubstr;

class BadPeersTest : public ::testing::Test {
 protected:
  BadPeersTest() {
    FillData(folder_);
    ServerOptions options;
    options.db = folder_ / "a.db";
    options.data_dir = folder_ / "data";
    options.grpc_listen = options.http_listen = "127.0.0.1:0";
    options.min_free_bytes = 0;
    Result<std::unique_ptr<Server>> server = Server::Start(options);
    SPARSWEEP_CHECK(server.ok());
    server_ = *std::move(server);
    workers_ = v1::WorkerService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->ports().grpc),
                            grpc::InsecureChannelCredentials()));
    v1::CreateSweepRequest create;
    *create.mutable_spec() = *SweepSpecToProto(SweepFile(
        R"j("attention": "window($w)", "axes": {"w": [1, 2]}, "seeds": 1, "baseline": "none")j"));
    const Result<v1::Sweep> sweep = Call(server_->api(), &Api::CreateSweep, create);
    SPARSWEEP_CHECK(sweep.ok());
    Expanded(server_->api(), sweep->name());
    // An honest worker runs trial 1, the liar trial 2.
    honest_ = Send(Request("honest", 1)).run(0).attempt();
    own_ = Send(Request("liar", 1)).run(0).attempt();
  }

  v1::SyncRequest Request(const std::string& worker, int64_t sequence) {
    v1::SyncRequest request;
    request.set_worker(worker);
    request.set_incarnation("one");
    request.set_sequence(sequence);
    request.set_slots(1);
    request.set_protocol_version(1);
    return request;
  }
  // The liar's next Sync: it goes on running its own trial.
  v1::SyncRequest Lie() {
    v1::SyncRequest request = Request("liar", ++sequence_);
    *request.add_running()->mutable_attempt() = own_;
    return request;
  }
  void AddSuccess(v1::SyncRequest* request, int64_t trial, int number) {
    v1::EndedAttempt* ended = request->add_ended();
    ended->mutable_attempt()->set_trial(trial);
    ended->mutable_attempt()->set_number(number);
    ended->set_result_json(TrialResultToJson(RecordedResult(0.99)));
  }
  grpc::Status Try(const v1::SyncRequest& request, v1::SyncResponse* response) {
    grpc::ClientContext context;
    return workers_->Sync(&context, request, response);
  }
  v1::SyncResponse Send(const v1::SyncRequest& request) {
    v1::SyncResponse response;
    const grpc::Status status = Try(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::string Metrics() {
    Client client(server_->ports().http);
    client.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.ReadAll();
  }
  void ExpectCounted(const std::string& reason, int times) {
    EXPECT_THAT(Metrics(), HasSubstr("sparsweep_refused_total{reason=\"" + reason + "\"} " +
                                     std::to_string(times) + "\n"));
  }
  // Every row that a worker could touch; not when it was last seen.
  std::vector<std::string> State() {
    std::vector<std::string> rows;
    for (const char* sql :
         {"SELECT * FROM sweep", "SELECT * FROM trial", "SELECT * FROM attempt",
          "SELECT * FROM result", "SELECT * FROM result_detail", "SELECT * FROM replicate",
          "SELECT * FROM metric", "SELECT * FROM blob", "SELECT * FROM event",
          "SELECT name, incarnation, state, slots, labels FROM worker"}) {
      Result<std::unique_ptr<Database>> db = OpenForReading(folder_ / "a.db");
      SPARSWEEP_CHECK(db.ok());
      Statement read = (*db)->Prepare(sql);
      while (read.Step()) {
        std::string row = sql;
        for (int i = 0; i < sqlite3_column_count(read.handle()); ++i) row += "|" + read.Text(i);
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }
  // A success of (trial, number) from the liar: neither taken nor acknowledged.
  void ExpectNotTaken(int64_t trial, int number) {
    const std::vector<std::string> before = State();
    v1::SyncRequest request = Lie();
    AddSuccess(&request, trial, number);
    const v1::SyncResponse response = Send(request);
    EXPECT_EQ(response.acknowledged_size(), 0);
    EXPECT_EQ(State(), before);
    ExpectCounted("not_leased", 1);
  }

  TempFolder folder_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  v1::AttemptRef honest_, own_;
  int64_t sequence_ = 1;
};

TEST_F(BadPeersTest, AnUnknownTrial) { ExpectNotTaken(999'999, 1); }

TEST_F(BadPeersTest, AnAttemptFromTheFuture) { ExpectNotTaken(own_.trial(), own_.number() + 7); }

TEST_F(BadPeersTest, TheResultOfAnothersLease) {
  ExpectNotTaken(honest_.trial(), honest_.number());
  // Nor did the lie cost the honest worker anything.
  v1::SyncRequest request = Request("honest", 2);
  AddSuccess(&request, honest_.trial(), honest_.number());
  EXPECT_EQ(Send(request).acknowledged_size(), 1);
}

TEST_F(BadPeersTest, MetricPointsThatAreNoNumbersOrOfAnothersLease) {
  const std::vector<std::string> before = State();
  v1::SyncRequest request = Lie();
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    v1::MetricPoint* point = request.mutable_running(0)->add_metrics();
    point->set_name("train/loss");
    point->set_value(value);
  }
  v1::RunningAttempt* other = request.add_running();
  *other->mutable_attempt() = honest_;
  v1::MetricPoint* point = other->add_metrics();
  point->set_name("train/loss");
  point->set_value(0.1);
  const v1::SyncResponse response = Send(request);
  ASSERT_EQ(response.run_size(), 1);  // it is told to stop what is not its to run
  EXPECT_EQ(response.run(0).attempt().trial(), own_.trial());
  EXPECT_EQ(State(), before);
  ExpectCounted("bad_point", 2);
}

TEST_F(BadPeersTest, AResultThatIsNotANumber) {
  v1::SyncRequest request = Lie();
  request.clear_running();
  AddSuccess(&request, own_.trial(), own_.number());
  std::string* json = request.mutable_ended(0)->mutable_result_json();
  const size_t at = json->find("\"value\":");
  ASSERT_NE(at, std::string::npos);
  json->replace(at, json->find_first_of(",}", at) - at, "\"value\":NaN");
  EXPECT_EQ(Send(request).acknowledged_size(), 1);
  EXPECT_THAT(Rows(server_->api(), "SELECT state, reason FROM v_attempts WHERE worker = 'liar' "
                                   "AND number = " + std::to_string(own_.number())),
              ::testing::ElementsAre("failed|crashed"));
  EXPECT_THAT(Rows(server_->api(), "SELECT count(*) FROM v_results"), ::testing::ElementsAre("0"));
  ExpectCounted("bad_result", 1);
}

TEST_F(BadPeersTest, TenMegabytesOfMetrics) {
  const std::vector<std::string> before = State();
  v1::SyncRequest request = Lie();
  while (request.ByteSizeLong() < (10u << 20)) {
    for (int i = 0; i < 1000; ++i) {
      v1::MetricPoint* point = request.mutable_running(0)->add_metrics();
      point->set_name("train/" + std::string(100, 'x'));
      point->set_step(i);
    }
  }
  v1::SyncResponse response;
  const grpc::Status status = Try(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("1 MiB"));
  EXPECT_EQ(State(), before);
  ExpectCounted("too_large", 1);
}

TEST_F(BadPeersTest, AnotherProtocolVersion) {
  const std::vector<std::string> before = State();
  v1::SyncRequest request = Lie();
  request.set_protocol_version(99);
  v1::SyncResponse response;
  EXPECT_EQ(Try(request, &response).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(State(), before);
  ExpectCounted("protocol", 1);
}

TEST_F(BadPeersTest, AFieldThatNoWorkerSends) {
  const std::vector<std::string> before = State();
  v1::SyncRequest request = Lie();
  request.set_slots(-5);
  v1::SyncResponse response;
  EXPECT_EQ(Try(request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(State(), before);
  ExpectCounted("malformed", 1);
}

TEST_F(BadPeersTest, AnOldIncarnation) {
  v1::SyncRequest anew = Request("honest", 1);
  anew.set_incarnation("two");
  Send(anew);
  const std::vector<std::string> before = State();
  v1::SyncRequest old = Request("honest", 50);
  AddSuccess(&old, honest_.trial(), honest_.number());
  const v1::SyncResponse response = Send(old);
  EXPECT_TRUE(response.stale());
  EXPECT_EQ(response.acknowledged_size(), 0);
  EXPECT_EQ(response.run_size(), 0);
  EXPECT_EQ(State(), before);
  ExpectCounted("stale", 1);
}

}  // namespace
}  // namespace sparsweep
