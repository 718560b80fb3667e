// A disk that fills up: nobody is told what is not stored, and work goes on when there is room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;

// Runs `body` on the loop thread, which owns the writing connection.
Result<Outcome> OnLoop(Loop& loop, std::function<Status(Writer&)> body) {
  std::promise<Result<Outcome>> promise;
  Posted posted;
  posted.write = std::move(body);
  posted.reply = [&](Result<Outcome> outcome) { promise.set_value(std::move(outcome)); };
  loop.Post(std::move(posted));
  return promise.get_future().get();
}

TEST(CommitFailure, ALostBatchIsUnavailableAndChangesNothing) {
  const TempFolder folder;
  TestServer server(folder / "a.db");
  Api& api = *server.api;
  const auto created = Create(api, R"("attention": "dense", "seeds": 1)");
  Expanded(api, created->name());
  FakeWorker worker(api, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  ASSERT_EQ(worker.running.size(), 1u);

  // From here on the file may not grow: SQLITE_FULL, as on a full disk.
  sqlite3* db = server.file->db().handle();
  ASSERT_TRUE(OnLoop(*server.loop, [db](Writer&) -> Status {
                sqlite3_exec(db, "PRAGMA max_page_count = 1", nullptr, nullptr, nullptr);
                return {};
              }).ok());
  EXPECT_FALSE(Create(api, R"("attention": "self", "seeds": 10000)").ok());

  v1::SyncRequest request = worker.Request();
  request.clear_running();
  v1::EndedAttempt* ended = request.add_ended();
  *ended->mutable_attempt() = worker.running[0].attempt();
  TrialResult large = RecordedResult(0.5);
  large.versions["note"] = std::string(300'000, 'x');
  ended->set_result_json(TrialResultToJson(large));
  const auto lost = Call(api, &Api::Sync, request);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Rows(api, "SELECT state FROM v_attempts"), ElementsAre("running"));
  EXPECT_THAT(Rows(api, "SELECT count(*) FROM result"), ElementsAre("0"));

  // Room again: the loop's probe finds out by itself, and the repeated report is accepted.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto make_room = [db](Writer&) -> Status {
    sqlite3_exec(db, "PRAGMA max_page_count = 1000000", nullptr, nullptr, nullptr);
    return {};
  };
  while (!OnLoop(*server.loop, make_room).ok()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  Result<v1::SyncResponse> accepted = lost.status();
  for (int64_t sequence = 10;
       !accepted.ok() && std::chrono::steady_clock::now() < deadline; ++sequence) {
    request.set_sequence(sequence);
    accepted = Call(api, &Api::Sync, request);
  }
  ASSERT_TRUE(accepted.ok()) << accepted.status().message();
  EXPECT_EQ(accepted->acknowledged_size(), 1);
  EXPECT_THAT(Rows(api, "SELECT state, value FROM v_attempts JOIN v_results USING (trial_id)"),
              ElementsAre("succeeded|0.5"));
}

TEST(CommitFailure, BelowTheFloorOfFreeSpaceNothingIsAccepted) {
  const TempFolder folder;
  LoopOptions options;
  options.min_free_bytes = int64_t{1} << 62;
  TestServer server(folder / "a.db", options);
  const auto refused = Create(*server.api, R"("attention": "dense", "seeds": 1)");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.status().message(), ::testing::HasSubstr("free some space"));
  EXPECT_THAT(Rows(*server.api, "SELECT count(*) FROM sweep"), ElementsAre("0"));
}

}  // namespace
}  // namespace sparsweep
