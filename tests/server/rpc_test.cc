// The whole Server over gRPC in process: rich errors, health, watching, shutting down, refusing.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/server.h"
#include "sparsweep/v1/query.grpc.pb.h"
#include "sparsweep/v1/sweep.grpc.pb.h"
#include "sparsweep/v1/worker.grpc.pb.h"
#include "tests/server/data_folder.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::HasSubstr;

class RpcTest : public ::testing::Test {
 protected:
  RpcTest() { FillData(folder_); }
  ServerOptions Options() {
    ServerOptions options;
    options.db = folder_ / "a.db";
    options.data_dir = folder_ / "data";
    options.min_free_bytes = 0;
    return options;
  }
  std::unique_ptr<Server> Start(ServerOptions options) {
    Result<std::unique_ptr<Server>> server = Server::Start(std::move(options));
    EXPECT_TRUE(server.ok()) << server.status().message();
    return server.ok() ? *std::move(server) : nullptr;
  }
  grpc::Status Create(Server& server, const std::string& json, v1::Sweep* sweep) {
    v1::CreateSweepRequest request;
    *request.mutable_spec() = *SweepSpecToProto(json);
    grpc::ClientContext context;
    return v1::SweepService::NewStub(server.InProcessChannel())
        ->CreateSweep(&context, request, sweep);
  }

  TempFolder folder_;
};

TEST_F(RpcTest, ARefusedFieldIsNamedInBadRequest) {
  const auto server = Start(Options());
  v1::Sweep sweep;
  const grpc::Status status =
      Create(*server, SweepFile(R"j("attention": "window($w)", "axes": {"w": [1, 3.5]})j"), &sweep);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(status.error_details()));
  ASSERT_EQ(rich.details_size(), 1);
  google::rpc::BadRequest details;
  ASSERT_TRUE(rich.details(0).UnpackTo(&details));
  ASSERT_GE(details.field_violations_size(), 1);
  EXPECT_EQ(details.field_violations(0).field(), "spec.axes.w[1]");
  EXPECT_THAT(status.error_message(), HasSubstr("3.5"));
}

TEST_F(RpcTest, AWatchTellsWhatHappenedAndEndsWithItsSweep) {
  const auto server = Start(Options());
  v1::Sweep sweep;
  const grpc::Status created =
      Create(*server, SweepFile(R"("attention": "self", "seeds": 1)"), &sweep);
  ASSERT_TRUE(created.ok()) << created.error_message();
  const auto stub = v1::SweepService::NewStub(server->InProcessChannel());
  grpc::ClientContext context;
  v1::WatchEventsRequest request;
  request.set_parent(sweep.name());
  const auto reader = stub->WatchEvents(&context, request);
  std::thread worker([&] {
    Expanded(server->api(), sweep.name());
    FakeWorker fake(server->api(), "w", 2);
    EXPECT_TRUE(fake.Sync().ok());
    EXPECT_TRUE(fake.FinishAll(0.5).ok());
  });
  std::vector<std::string> sweep_states;
  int64_t last = 0;
  v1::WatchEventsResponse event;
  while (reader->Read(&event)) {
    if (event.event() != 0) {
      EXPECT_GT(event.event(), last);
      last = event.event();
    }
    if (event.type() == "sweep") sweep_states.push_back(event.state());
  }
  worker.join();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(sweep_states.front(), "expanding");
  EXPECT_EQ(sweep_states.back(), "succeeded");
}

TEST_F(RpcTest, StopEndsOpenWatchesAndHeldCalls) {
  auto server = Start(Options());
  const auto channel = server->InProcessChannel();
  const auto sweeps = v1::SweepService::NewStub(channel);
  grpc::ClientContext watch_context, sync_context;
  const auto reader = sweeps->WatchEvents(&watch_context, v1::WatchEventsRequest());
  FakeWorker fake(server->api(), "w", 1);
  v1::SyncRequest request = fake.Request();
  request.set_hold_ms(60'000);
  grpc::Status held;
  std::thread worker([&] {
    v1::SyncResponse response;
    held = v1::WorkerService::NewStub(channel)->Sync(&sync_context, request, &response);
  });
  v1::WatchEventsResponse event;
  ASSERT_TRUE(reader->Read(&event));  // the worker came online: its call has arrived
  EXPECT_EQ(event.type(), "worker");
  server->Stop(std::chrono::seconds(5));
  worker.join();
  EXPECT_EQ(held.error_code(), grpc::StatusCode::UNAVAILABLE);
  while (reader->Read(&event)) {
  }
  reader->Finish();
}

TEST_F(RpcTest, ASecondServerOnTheFileOrThePortIsRefusedInASentence) {
  ServerOptions options = Options();
  options.grpc_listen = "127.0.0.1:0";
  const auto first = Start(options);
  const auto same_file = Server::Start(Options());
  ASSERT_FALSE(same_file.ok());
  EXPECT_THAT(same_file.status().message(),
              HasSubstr("in use by another sparsweep (process " + std::to_string(getpid())));
  ServerOptions other = Options();
  other.db = folder_ / "b.db";
  other.grpc_listen = "127.0.0.1:" + std::to_string(first->ports().grpc);
  const auto same_port = Server::Start(other);
  ASSERT_FALSE(same_port.ok());
  EXPECT_THAT(same_port.status().message(), HasSubstr("the port is in use"));
}

TEST_F(RpcTest, ListeningBeyondLoopbackNeedsInsecure) {
  ServerOptions options = Options();
  options.grpc_listen = "0.0.0.0:0";
  const auto refused = Server::Start(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("--insecure"));
  options.insecure = true;
  EXPECT_TRUE(Server::Start(options).ok());
}

TEST_F(RpcTest, AReadOnlyServerReadsBesideAnotherAndRefusesToWrite) {
  const auto writing = Start(Options());
  v1::Sweep sweep;
  ASSERT_TRUE(Create(*writing, SweepFile(R"("attention": "self", "seeds": 1)"), &sweep).ok());
  Expanded(writing->api(), sweep.name());
  ServerOptions options = Options();
  options.read_only = true;
  const auto reading = Start(options);
  EXPECT_EQ(Get(reading->api(), sweep.name()).coverage().trials(), 2);
  const grpc::Status refused = Create(*reading, SweepFile(""), &sweep);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace sparsweep
