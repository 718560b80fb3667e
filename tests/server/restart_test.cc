// A server that ends and starts again on its file goes on where it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;

TEST(Restart, ALiveAttemptFinishesAtTheNewServer) {
  const TempFolder folder;
  v1::SyncRequest report;
  {
    TestServer server(folder / "a.db");
    const auto created = Create(*server.api, R"("attention": "dense", "seeds": 1)");
    Expanded(*server.api, created->name());
    FakeWorker worker(*server.api, "w", 1);
    ASSERT_TRUE(worker.Sync().ok());
    report = worker.Request();
    report.clear_running();
    *report.add_ended()->mutable_attempt() = worker.running[0].attempt();
    report.mutable_ended(0)->set_result_json(TrialResultToJson(RecordedResult(0.5)));
  }
  TestServer server(folder / "a.db");
  EXPECT_EQ(Get(*server.api, "sweeps/1").coverage().running(), 1);
  const auto response = Call(*server.api, &Api::Sync, report);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->acknowledged_size(), 1);
  EXPECT_EQ(Get(*server.api, "sweeps/1").state(), v1::SWEEP_STATE_SUCCEEDED);
  EXPECT_THAT(Rows(*server.api, "SELECT trial_id, value FROM v_results"), ElementsAre("1|0.5"));
}

TEST(Restart, AHalfExpandedGridIsFinishedWithTheSameCells) {
  constexpr char kGrid[] =
      R"j("attention": "window($w)", "axes": {"w": [0,1,2,3,4,5,6,7,8,9]}, "seeds": 2)j";
  const auto cells = [](TestServer& server) {
    return Rows(*server.api, "SELECT cell, is_baseline, alias_of, canonical FROM cell ORDER BY 1");
  };
  const TempFolder folder;
  std::vector<std::string> whole;
  {
    TestServer server(folder / "whole.db");
    Expanded(*server.api, Create(*server.api, kGrid)->name());
    whole = cells(server);
  }
  ASSERT_EQ(whole.size(), 11u);
  {
    TestServer server(folder / "half.db");
    Expanded(*server.api, Create(*server.api, kGrid)->name());
  }
  {
    // As if the server had been killed after the first chunk.
    Database db(folder / "half.db", Database::Mode::kReadWrite);
    db.Execute(
        "DELETE FROM cell_trial WHERE cell >= 4; DELETE FROM cell WHERE cell >= 4;"
        "DELETE FROM trial WHERE id NOT IN (SELECT trial_id FROM cell_trial);"
        "DELETE FROM event; UPDATE sweep SET next_index = 4, expanded = 0, state = 'expanding'");
  }
  TestServer server(folder / "half.db");
  const v1::Sweep sweep = Expanded(*server.api, "sweeps/1");
  EXPECT_EQ(cells(server), whole);
  EXPECT_EQ(sweep.coverage().trials(), 22);
}

TEST(Restart, AFileThatCannotBeRestoredIsSaidToBeSoAtOnce) {
  const TempFolder folder;
  { TestServer server(folder / "a.db"); }
  {
    Database db(folder / "a.db", Database::Mode::kReadWrite);
    db.Execute("DROP TABLE numbers");
  }
  TestServer server(folder / "a.db");
  const Status status = server.loop->Restored();
  EXPECT_THAT(status.message(), ::testing::HasSubstr("no such table: numbers"));
  const auto refused = Create(*server.api, R"("attention": "dense", "seeds": 1)");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(), status.message());
}

}  // namespace
}  // namespace sparsweep
