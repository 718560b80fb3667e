// A deleted sweep is gone at once; its rows, logs and files follow, a few at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/loop/blob_cleaning.h"
#include "server/store/blobs.h"
#include "server/store/unnamed_blobs.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr char kCells[] =
    R"j("attention": "window($w)", "axes": {"w": [0, 1, 2, 3, 4]}, "seeds": 1)j";

// Brings a blob; what follows once its bytes are in their file is up to the caller.
std::future<Result<v1::PutBlobResponse>> Bring(Api& api, const std::string& bytes) {
  const auto upload = api.PutBlob();
  v1::PutBlobRequest message;
  message.set_sha256(Sha256Hex(bytes));
  message.set_chunk(bytes);
  std::promise<Status> written;
  upload->Write(message, [&](Status status) { written.set_value(status); });
  SPARSWEEP_CHECK(written.get_future().get().ok());
  auto stored = std::make_shared<std::promise<Result<v1::PutBlobResponse>>>();
  upload->Finish([stored](Result<v1::PutBlobResponse> result) { stored->set_value(result); });
  return stored->get_future();
}

std::string Put(Api& api, const std::string& bytes) {
  SPARSWEEP_CHECK(Bring(api, bytes).get().ok());
  return Sha256Hex(bytes);
}

class Deletion : public ::testing::Test {
 protected:
  Deletion() { Start(); }
  void Start() {
    LoopOptions options;
    options.scheduler.tidied_at_once = 2;
    server.reset();
    server = std::make_unique<TestServer>(folder / "a.db", options);
  }
  Api& api() { return *server->api; }
  // Finishes everything there is; each attempt's log is that of `logs` in turn.
  void RunAll(const std::vector<std::string>& logs) {
    FakeWorker worker(api(), "w", 1, "w" + std::to_string(++runs));
    SPARSWEEP_CHECK(worker.Sync().ok());
    for (size_t i = 0; !worker.running.empty(); ++i) {
      v1::SyncRequest request = worker.Request();
      request.clear_running();
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = worker.running[0].attempt();
      ended->set_result_json(TrialResultToJson(RecordedResult(0.5)));
      ended->set_log_blob(Put(api(), logs[i % logs.size()]));
      SPARSWEEP_CHECK(worker.Send(request).ok());
    }
  }
  void Delete(const std::string& name) {
    v1::DeleteSweepRequest request;
    request.set_name(name);
    ASSERT_TRUE(Call(api(), &Api::DeleteSweep, request).ok());
  }
  void UntilGone(const std::string& sweep) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    const std::string left = "SELECT count(*) FROM sweep WHERE id = " + sweep;
    while (Rows(api(), left) != std::vector<std::string>{"0"}) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    }
  }

  const TempFolder folder;
  std::unique_ptr<TestServer> server;
  int runs = 0;
};

TEST_F(Deletion, TakesRowsAndLogsAlongAndLeavesWhatOthersHold) {
  const std::string small = "a short log\n", large(kSmallBlobBytes + 1, 'x'), kept = "kept\n";
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  RunAll({small, large});
  ASSERT_TRUE(Create(api(), R"j("attention": "window(9)", "seeds": 1, "baseline": "none")j").ok());
  Expanded(api(), "sweeps/2");
  RunAll({kept});
  const std::string file = BlobPath(folder / "a.db.blobs", Sha256Hex(large));
  ASSERT_TRUE(std::filesystem::exists(file));

  Delete("sweeps/1");
  v1::GetSweepRequest get;
  get.set_name("sweeps/1");
  EXPECT_EQ(Call(api(), &Api::GetSweep, get).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Rows(api(), "SELECT count(*) FROM v_cells WHERE sweep = 1"), ElementsAre("0"));
  UntilGone("1");
  for (const char* table : {"trial", "common_spec", "cell", "cell_trial", "attempt", "result"}) {
    EXPECT_THAT(Rows(api(), std::string("SELECT count(*) FROM ") + table), ElementsAre("1"))
        << table;
  }
  EXPECT_THAT(Rows(api(), "SELECT sha256 FROM blob"), ElementsAre(Sha256Hex(kept)));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Deletion, LogThatAnotherTrialNamesStays) {
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  RunAll({"the same\n"});
  ASSERT_TRUE(Create(api(), R"j("attention": "window(9)", "seeds": 1, "baseline": "none")j").ok());
  Expanded(api(), "sweeps/2");
  RunAll({"the same\n"});
  Delete("sweeps/1");
  UntilGone("1");
  EXPECT_THAT(Rows(api(), "SELECT count(*) FROM blob"), ElementsAre("1"));
}

// Two workers bring the same bytes; the report of one comes, and goes, before that of the other.
TEST_F(Deletion, LogThatAnotherReportWillNameStays) {
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  ASSERT_TRUE(Create(api(), R"j("attention": "window(9)", "seeds": 1, "baseline": "none")j").ok());
  Expanded(api(), "sweeps/2");
  FakeWorker slow(api(), "slow", 7, "one");
  ASSERT_TRUE(slow.Sync().ok());
  const auto report = [&](const std::string& sql) {  // of the running trial that this selects
    const int64_t trial = std::stoll(Rows(api(), sql).at(0));
    v1::SyncRequest request = slow.Request();
    request.clear_running();
    for (const v1::Assignment& one : slow.running) {
      if (one.attempt().trial() != trial) {
        *request.add_running()->mutable_attempt() = one.attempt();
        continue;
      }
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = one.attempt();
      ended->set_result_json(TrialResultToJson(RecordedResult(0.5)));
      ended->set_log_blob(Sha256Hex("the same\n"));
    }
    return slow.Send(request)->acknowledged_size();
  };
  Put(api(), "the same\n");
  Put(api(), "the same\n");
  EXPECT_EQ(report("SELECT min(trial_id) FROM v_cells WHERE sweep = 1"), 1);
  Delete("sweeps/1");
  UntilGone("1");
  EXPECT_EQ(report("SELECT trial_id FROM v_cells WHERE sweep = 2"), 1);
  EXPECT_THAT(Rows(api(), "SELECT log_blob FROM v_attempts"), ElementsAre(Sha256Hex("the same\n")));
}

TEST_F(Deletion, GoesOnAfterARestart) {
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  server.reset();
  {
    // As if the server had been killed right after the answer.
    Database db(folder / "a.db", Database::Mode::kReadWrite);
    db.Execute("UPDATE sweep SET deleting = 1, closed = 1; INSERT INTO numbers VALUES "
               "('sweep', 1), ('trial', 6)");
  }
  Start();
  UntilGone("1");
  EXPECT_THAT(Rows(api(), "SELECT count(*) FROM trial"), ElementsAre("0"));
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/2");
  EXPECT_THAT(Rows(api(), "SELECT min(id) FROM trial"), ElementsAre("7"));
}

TEST_F(Deletion, CancelledSweepsTrialsFollowToo) {
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  v1::CancelSweepRequest cancel;
  cancel.set_name("sweeps/1");
  const auto cancelled = Call(api(), &Api::CancelSweep, cancel);
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->coverage().cancelled(), 6);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (Rows(api(), "SELECT DISTINCT state FROM trial") != std::vector<std::string>{"cancelled"}) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
}

// The last trial that named the bytes may go between their arrival and their row.
TEST_F(Deletion, ABlobWhoseFileHasGoneIsSentAgainAndTheStoreGoesOn) {
  const std::string bytes(100'000, 'x');
  const std::string file = BlobPath(folder / "a.db.blobs", Sha256Hex(bytes));
  std::promise<void> go_on;
  Posted hold;
  hold.write = [&](Writer&) {
    go_on.get_future().wait();
    return Status();
  };
  std::promise<Status> held;
  hold.reply = [&](Result<Outcome> outcome) { held.set_value(outcome.status()); };
  server->loop->Post(std::move(hold));
  auto lost = Bring(api(), bytes);
  while (!std::filesystem::remove(file)) std::this_thread::yield();
  go_on.set_value();
  EXPECT_TRUE(held.get_future().get().ok());
  const auto refused = lost.get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(refused.status().message(), "the blob's file is missing; send it again");
  EXPECT_TRUE(Bring(api(), bytes).get().ok());
}

// What a start of the server does, with the clock a day on or not.
TEST_F(Deletion, BlobsThatNothingNamesGoAfterADay) {
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  const std::string lost = Put(api(), "of a report that was refused\n");
  const std::string large(kSmallBlobBytes + 1, 'x');
  const std::string file = BlobPath(folder / "a.db.blobs", Put(api(), large));
  const std::string predictions = Put(api(), "predictions\n"), weights = Put(api(), "weights\n");
  Put(api(), "twice\n");  // and once more for the report that names it
  FakeWorker worker(api(), "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  v1::EndedAttempt* ended = request.add_ended();
  *ended->mutable_attempt() = worker.running[0].attempt();
  TrialResult result = RecordedResult(0.5);
  result.predictions = predictions;
  result.checkpoint.emplace();
  result.checkpoint->fingerprint = std::string(64, '8');
  result.checkpoint->files["model.safetensors"] = weights;
  ended->set_result_json(TrialResultToJson(result));
  ended->set_log_blob(Put(api(), "twice\n"));
  ASSERT_TRUE(worker.Send(request).ok());

  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  constexpr int64_t kDay = 24 * 3600 * 1000;
  const auto unnamed = [&](int64_t at) {
    return FindUnnamedBlobs(server->file->db(), at - kDay);
  };
  EXPECT_THAT(unnamed(now + kDay / 2), ElementsAre());
  EXPECT_THAT(unnamed(now + 2 * kDay), UnorderedElementsAre(lost, Sha256Hex(large)));
  RemoveUnnamedBlobs(*server->readers, *server->loop, now + 2 * kDay);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::filesystem::exists(file)) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  EXPECT_THAT(Rows(api(), "SELECT sha256 FROM blob"),
              UnorderedElementsAre(predictions, weights, Sha256Hex("twice\n")));

  // Its trial goes, and a second report of it was awaited in vain.
  Delete("sweeps/1");
  UntilGone("1");
  EXPECT_THAT(unnamed(now + 2 * kDay),
              UnorderedElementsAre(predictions, weights, Sha256Hex("twice\n")));
}

TEST_F(Deletion, ABlobThatAReportNamesMeanwhileStays) {
  ASSERT_TRUE(Create(api(), kCells).ok());
  Expanded(api(), "sweeps/1");
  const std::string predictions = Put(api(), "predictions\n"), nobodys = Put(api(), "nobody's\n");
  Database(folder / "a.db", Database::Mode::kReadWrite).Execute("UPDATE blob SET brought_at = 0");
  FakeWorker worker(api(), "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  *request.add_ended()->mutable_attempt() = worker.running[0].attempt();
  TrialResult result = RecordedResult(0.5);
  result.predictions = predictions;
  request.mutable_ended(0)->set_result_json(TrialResultToJson(result));
  ASSERT_TRUE(worker.Send(request).ok());

  std::promise<Status> done;
  Posted decided;
  decided.write = [&](Writer& writer) { return writer.RemoveBlobs({predictions, nobodys}, 1000); };
  decided.reply = [&](Result<Outcome> outcome) { done.set_value(outcome.status()); };
  server->loop->Post(std::move(decided));
  EXPECT_TRUE(done.get_future().get().ok());
  EXPECT_THAT(Rows(api(), "SELECT sha256 FROM blob"), ElementsAre(predictions));
}

TEST_F(Deletion, ABlobThatIsBroughtAgainMeanwhileStays) {
  const std::string blob = Put(api(), "a log\n");
  std::promise<Status> done;
  Posted late;
  late.write = [&](Writer& writer) { return writer.RemoveBlobs({blob}, 0); };
  late.reply = [&](Result<Outcome> outcome) { done.set_value(outcome.status()); };
  server->loop->Post(std::move(late));
  EXPECT_TRUE(done.get_future().get().ok());
  EXPECT_THAT(Rows(api(), "SELECT sha256 FROM blob"), ElementsAre(blob));
}

}  // namespace
}  // namespace sparsweep
