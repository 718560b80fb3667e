// Sync end to end without sockets: assignment, results, long poll, cancel, fences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kTwoCells[] = R"("attention": "$a", "axes": {"a": ["self"]}, "seeds": 1)";

class SyncTest : public ::testing::Test {
 protected:
  TempFolder folder_;
  TestServer server_{folder_ / "a.db"};
  Api& api_ = *server_.api;

  // A held Sync of `worker`, whose answer comes later.
  std::future<Result<v1::SyncResponse>> Hold(FakeWorker& worker, int64_t hold_ms) {
    v1::SyncRequest request = worker.Request();
    request.set_hold_ms(hold_ms);
    auto promise = std::make_shared<std::promise<Result<v1::SyncResponse>>>();
    auto future = promise->get_future();
    api_.Sync(request, [promise](auto response) { promise->set_value(std::move(response)); });
    return future;
  }
};

TEST_F(SyncTest, RunsASweepToItsEnd) {
  const Result<v1::Sweep> created = Create(api_, kTwoCells);
  ASSERT_TRUE(created.ok()) << created.status().message();
  EXPECT_EQ(created->state(), v1::SWEEP_STATE_EXPANDING);
  const v1::Sweep expanded = Expanded(api_, created->name());
  EXPECT_EQ(expanded.coverage().cells(), 2);  // self and its dense baseline
  EXPECT_EQ(expanded.coverage().trials(), 2);

  FakeWorker worker(api_, "w", 2);
  ASSERT_TRUE(worker.Sync().ok());
  ASSERT_EQ(worker.running.size(), 2u);
  std::vector<std::string> plans;
  for (const v1::Assignment& assignment : worker.running) {
    const Result<TrialSpec> spec = ParseTrialSpec(assignment.trial_json());
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    plans.push_back(spec->attention);
  }
  EXPECT_THAT(plans, UnorderedElementsAre("dense", "self"));

  const auto ended = worker.FinishAll(0.75);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->acknowledged_size(), 2);
  const v1::Sweep done = Get(api_, created->name());
  EXPECT_EQ(done.state(), v1::SWEEP_STATE_SUCCEEDED);
  EXPECT_EQ(done.coverage().succeeded(), 2);
  EXPECT_THAT(Rows(api_, "SELECT canonical, value, attestation_root FROM v_results ORDER BY 1"),
              ElementsAre("dense|0.75|" + std::string(64, '7'), "self|0.75|" + std::string(64, '7')));
}

TEST_F(SyncTest, AHeldCallIsAnsweredWhenThereIsWork) {
  FakeWorker worker(api_, "w", 1);
  auto held = Hold(worker, 60'000);
  const auto created = Create(api_, kTwoCells);
  ASSERT_TRUE(created.ok());
  const Result<v1::SyncResponse> response = held.get();
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->run_size(), 1);
  EXPECT_THAT(response->run(0).trial_json(), HasSubstr("\"dense\""));
}

TEST_F(SyncTest, ACancelReachesAHeldWorkerAtOnce) {
  const auto created = Create(api_, kTwoCells);
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  ASSERT_EQ(worker.running.size(), 1u);
  auto held = Hold(worker, 60'000);
  v1::CancelSweepRequest cancel;
  cancel.set_name(created->name());
  const auto cancelled = Call(api_, &Api::CancelSweep, cancel);
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->state(), v1::SWEEP_STATE_CANCELLED);
  const auto response = held.get();
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->run_size(), 0);
  EXPECT_FALSE(response->stale());
}

TEST_F(SyncTest, AWorkerThatDiedWhileHeldIsGivenNothing) {
  FakeWorker worker(api_, "w", 1);
  v1::SyncRequest request = worker.Request();
  request.set_hold_ms(60'000);
  std::promise<Result<v1::SyncResponse>> promise;
  api_.Sync(request, [&](auto response) { promise.set_value(std::move(response)); });
  api_.AbandonSync(request);
  EXPECT_EQ(promise.get_future().get().status().code(), StatusCode::kCancelled);
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  EXPECT_EQ(Expanded(api_, created->name()).coverage().queued(), 1);
}

TEST_F(SyncTest, ANewerCallReleasesTheHeldOneAsStale) {
  FakeWorker worker(api_, "w", 1);
  auto held = Hold(worker, 60'000);
  ASSERT_TRUE(worker.Sync().ok());
  const auto response = held.get();
  ASSERT_TRUE(response.ok());
  EXPECT_TRUE(response->stale());
}

TEST_F(SyncTest, ALowerSequenceIsStale) {
  FakeWorker worker(api_, "w", 1);
  v1::SyncRequest first = worker.Request();
  ASSERT_TRUE(worker.Sync().ok());
  const auto late = worker.Send(first);
  ASSERT_TRUE(late.ok());
  EXPECT_TRUE(late->stale());
}

TEST_F(SyncTest, ASecondSuccessIsAReplicate) {
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  const auto assignments = worker.running;
  ASSERT_EQ(assignments.size(), 1u);
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  v1::EndedAttempt* ended = request.add_ended();
  *ended->mutable_attempt() = assignments[0].attempt();
  ended->set_result_json(TrialResultToJson(RecordedResult(0.5)));
  ASSERT_TRUE(worker.Send(request).ok());
  request.set_sequence(100);  // the same report once more: acknowledged, and nothing is doubled
  request.mutable_ended(0)->set_result_json(TrialResultToJson(RecordedResult(0.9)));
  const auto again = worker.Send(request);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->acknowledged_size(), 1);
  EXPECT_THAT(Rows(api_, "SELECT trial_id, value FROM v_results"), ElementsAre("1|0.5"));
}

TEST_F(SyncTest, AResultIsAcceptedOnlyWhenItsLogIsHere) {
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  const std::string log = "epoch 1: accuracy 0.8\n";
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  v1::EndedAttempt* ended = request.add_ended();
  *ended->mutable_attempt() = worker.running[0].attempt();
  ended->set_result_json(TrialResultToJson(RecordedResult(0.5)));
  ended->set_log_blob(Sha256Hex(log));
  const auto early = worker.Send(request);
  ASSERT_TRUE(early.ok());
  EXPECT_EQ(early->acknowledged_size(), 0);
  EXPECT_EQ(early->run_size(), 1);

  v1::PutBlobRequest blob;
  blob.set_sha256(Sha256Hex(log));
  blob.set_chunk(log);
  const auto upload = api_.PutBlob();
  std::promise<Status> written;
  upload->Write(blob, [&](Status status) { written.set_value(status); });
  ASSERT_TRUE(written.get_future().get().ok());
  std::promise<Result<v1::PutBlobResponse>> finished;
  upload->Finish([&](auto response) { finished.set_value(std::move(response)); });
  const auto stored = finished.get_future().get();
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  EXPECT_EQ(stored->size(), static_cast<int64_t>(log.size()));

  request.set_sequence(50);
  const auto late = worker.Send(request);
  EXPECT_EQ(late->acknowledged_size(), 1);
  v1::GetTrialLogRequest read;
  read.set_name("trials/1");
  EXPECT_EQ(Call(api_, &Api::GetTrialLog, read)->text(), log);
}

// Its worker was told that the log is stored, and will not bring it again.
TEST(SyncLogs, AResultDoesNotWaitLongerThanALeaseForALogThatIsGone) {
  const TempFolder folder;
  LoopOptions options;
  options.scheduler.lease = std::chrono::milliseconds(300);
  TestServer server(folder / "a.db", options);
  const auto created = Create(*server.api, R"("attention": "dense", "seeds": 2)");
  Expanded(*server.api, created->name());
  FakeWorker worker(*server.api, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  v1::EndedAttempt* ended = request.add_ended();
  *ended->mutable_attempt() = worker.running[0].attempt();
  ended->set_result_json(TrialResultToJson(RecordedResult(0.5)));
  ended->set_log_blob(Sha256Hex("gone with a deleted sweep\n"));
  const auto start = std::chrono::steady_clock::now();
  while (worker.Send(request)->acknowledged_size() == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), start + std::chrono::seconds(30));
    request.set_sequence(request.sequence() + 1);
  }
  EXPECT_GE(std::chrono::steady_clock::now(), start + options.scheduler.lease);
  EXPECT_THAT(Rows(*server.api, "SELECT value FROM v_results"), ElementsAre("0.5"));
  EXPECT_THAT(Rows(*server.api, "SELECT log_blob FROM v_attempts WHERE state = 'succeeded'"),
              ElementsAre("NULL"));
  EXPECT_GT(Get(*server.api, created->name()).trials_per_minute(), 1) << "in less than a minute";
}

TEST_F(SyncTest, AResultThatCannotBeReadIsACrashOfTheAttempt) {
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  *request.add_ended()->mutable_attempt() = worker.running[0].attempt();
  request.mutable_ended(0)->set_result_json("{\"value\": 1}");
  EXPECT_EQ(worker.Send(request)->acknowledged_size(), 1);
  EXPECT_THAT(Rows(api_, "SELECT state, reason FROM v_attempts"), ElementsAre("failed|crashed"));
  EXPECT_THAT(Rows(api_, "SELECT count(*) FROM result"), ElementsAre("0"));
}

TEST_F(SyncTest, MetricPointsAreStoredOnceAndOnlyFromTheAttemptsWorker) {
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1), stranger(api_, "x", 0);
  ASSERT_TRUE(worker.Sync().ok());
  const auto with_point = [&](v1::SyncRequest request, double value) {
    if (request.running_size() == 0) {
      *request.add_running()->mutable_attempt() = worker.running[0].attempt();
    }
    v1::MetricPoint* point = request.mutable_running(0)->add_metrics();
    point->set_name("train/loss");
    point->set_step(10);
    point->set_value(value);
    v1::MetricPoint* bad = request.mutable_running(0)->add_metrics();
    bad->set_name("train/loss");
    bad->set_step(11);
    bad->set_value(std::numeric_limits<double>::quiet_NaN());
    return request;
  };
  ASSERT_TRUE(worker.Send(with_point(worker.Request(), 0.5)).ok());
  ASSERT_TRUE(worker.Send(with_point(worker.Request(), 0.7)).ok());
  ASSERT_TRUE(stranger.Send(with_point(stranger.Request(), 0.9)).ok());
  EXPECT_THAT(Rows(api_, "SELECT name, step, value FROM v_metrics"),
              ElementsAre("train/loss|10|0.5"));
}

TEST_F(SyncTest, RefusesWhatNoWorkerOfThisVersionSends) {
  FakeWorker worker(api_, "w", 1);
  v1::SyncRequest request = worker.Request();
  request.set_protocol_version(2);
  EXPECT_EQ(worker.Send(request).status().code(), StatusCode::kFailedPrecondition);
  request = worker.Request();
  request.set_worker("");
  EXPECT_EQ(worker.Send(request).status().fields().at(0).field, "worker");
  request = worker.Request();
  request.add_running()->mutable_attempt()->set_trial(-1);
  EXPECT_EQ(worker.Send(request).status().fields().at(0).field, "running[0].attempt");
  request = worker.Request();
  request.set_worker(std::string(2 << 20, 'x'));
  EXPECT_EQ(worker.Send(request).status().code(), StatusCode::kResourceExhausted);
}

TEST_F(SyncTest, ALeavingWorkerGivesItsTrialBackAtOnce) {
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  Expanded(api_, created->name());
  FakeWorker first(api_, "first", 1), second(api_, "second", 1);
  ASSERT_TRUE(first.Sync().ok());
  auto held = Hold(second, 60'000);
  v1::SyncRequest goodbye = first.Request();
  goodbye.clear_running();
  goodbye.set_leaving(true);
  EXPECT_EQ(first.Send(goodbye)->run_size(), 0);
  const auto response = held.get();
  ASSERT_EQ(response->run_size(), 1);
  EXPECT_EQ(response->run(0).attempt().number(), 2);
  EXPECT_THAT(Rows(api_, "SELECT name, state FROM v_workers ORDER BY 1"),
              ElementsAre("first|left", "second|online"));
}

}  // namespace
}  // namespace sparsweep
