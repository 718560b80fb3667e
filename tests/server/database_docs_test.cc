// docs/database.md: every query in it runs, and every view has the columns that it lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

std::string Page() {
  std::stringstream text;
  text << std::ifstream(SPARSWEEP_SOURCE_DIR "/docs/database.md").rdbuf();
  return text.str();
}

std::vector<std::string> SqlBlocks(const std::string& page) {
  std::vector<std::string> blocks;
  const std::string open = "```sql\n";
  for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    blocks.push_back(page.substr(at, page.find("```", at) - at));
  }
  return blocks;
}

class DatabaseDocs : public ::testing::Test {
 protected:
  // A finished sweep with an alias, a lost attempt, curves and a failure.
  DatabaseDocs() {
    const auto created = Create(
        api_, R"j("attention": "$a", "axes": {"a": ["self", "random(0) + self", "window(1)"]},
                  "seeds": 2)j");
    Expanded(api_, created->name());
    FakeWorker worker(api_, "w", 1);
    SPARSWEEP_CHECK(worker.Sync().ok());
    for (int trial = 0; !worker.running.empty(); ++trial) {
      v1::SyncRequest request = worker.Request();
      request.clear_running();
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = worker.running[0].attempt();
      v1::MetricPoint* point = ended->add_metrics();
      point->set_name("dev/accuracy");
      point->set_step(150);
      point->set_epoch(2);
      point->set_value(0.7);
      if (trial == 5) {
        ended->set_failure("diverged");
        ended->set_message("the loss was not finite");
      } else {
        ended->set_result_json(TrialResultToJson(RecordedResult(0.7 + 0.01 * trial)));
      }
      SPARSWEEP_CHECK(worker.Send(request).ok());
    }
  }

  TempFolder folder_;
  TestServer server_{folder_ / "a.db"};
  Api& api_ = *server_.api;
};

TEST_F(DatabaseDocs, AllTenQueriesFindSomething) {
  const std::vector<std::string> blocks = SqlBlocks(Page());
  EXPECT_EQ(blocks.size(), 10u);
  for (const std::string& sql : blocks) {
    const std::vector<std::string> rows = Rows(api_, sql);
    ASSERT_FALSE(rows.empty()) << sql;
    EXPECT_FALSE(rows[0].starts_with("error")) << sql << rows[0];
  }
}

TEST_F(DatabaseDocs, TheViewsHaveTheColumnsOfThePage) {
  const std::string page = Page();
  const std::regex line("\\| `(v_[a-z]+)` \\| [^|]+ \\| ([^|\n]+) \\|");
  const std::regex name("`([a-z0-9_]+)`");
  int views = 0;
  for (std::sregex_iterator at(page.begin(), page.end(), line), end; at != end; ++at, ++views) {
    std::vector<std::string> documented;
    const std::string columns = (*at)[2];
    for (std::sregex_iterator c(columns.begin(), columns.end(), name); c != end; ++c) {
      documented.push_back((*c)[1]);
    }
    v1::QueryRequest request;
    request.set_sql("SELECT * FROM " + (*at)[1].str());
    const auto response = Call(api_, &Api::Query, request);
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_THAT(response->columns(), ::testing::ElementsAreArray(documented)) << (*at)[1];
  }
  EXPECT_EQ(views, 10);
}

TEST_F(DatabaseDocs, DifferencesArePairedBySeed) {
  const auto rows = Rows(
      api_,
      "SELECT count(*) FROM v_cells c JOIN v_results r USING (trial_id) JOIN v_results b "
      "ON b.trial_id = c.baseline_trial_id WHERE abs(c.difference - (r.value - b.value)) < 1e-12 "
      "AND r.seed = b.seed");
  EXPECT_THAT(rows, ::testing::ElementsAre("7"));  // 4 cells x 2 seeds, one failed
}

}  // namespace
}  // namespace sparsweep
