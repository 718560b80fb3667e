// SQL of strangers: what it may do, and where it ends.
#include "server/store/user_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class UserQueryTest : public ::testing::Test {
 protected:
  UserQueryTest() {
    file_ = *StoreFile::Open(folder_ / "a.db");
    db_ = *OpenForReading(folder_ / "a.db");
    RestrictToReading(*db_);
  }
  Result<UserRows> Run(const std::string& sql, std::vector<SqlValue> parameters = {}) {
    UserQuery query;
    query.sql = sql;
    query.parameters = std::move(parameters);
    return RunUserQuery(*db_, query);
  }

  TempFolder folder_;
  std::unique_ptr<StoreFile> file_;
  std::unique_ptr<Database> db_;
};

TEST_F(UserQueryTest, GivesColumnsAndTypedValues) {
  const auto rows = Run("SELECT 1 AS a, 0.5 AS b, 'x' AS c, NULL AS d, x'0a' AS e, ?1 + 1 AS f;",
                        {SqlValue(2.0)});
  ASSERT_TRUE(rows.ok()) << rows.status().message();
  EXPECT_THAT(rows->columns, ElementsAre("a", "b", "c", "d", "e", "f"));
  EXPECT_THAT(rows->rows.at(0),
              ElementsAre(SqlValue(1.0), SqlValue(0.5), SqlValue("x"), SqlValue(std::monostate()),
                          SqlValue("0a"), SqlValue(3.0)));
}

TEST_F(UserQueryTest, WritesAndPragmasAndOtherFilesAreRefused) {
  for (const char* sql :
       {"DELETE FROM sweep", "PRAGMA journal_mode = DELETE", "ATTACH 'other.db' AS o",
        "CREATE TEMP TABLE t (x)", "VACUUM INTO 'copy.db'", "SELECT load_extension('x')",
        "SELECT * FROM pragma_table_info('sweep')"}) {
    const auto refused = Run(sql);
    ASSERT_FALSE(refused.ok()) << sql;
    EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument) << sql;
    EXPECT_EQ(refused.status().fields().at(0).field, "sql");
  }
}

TEST_F(UserQueryTest, MistakesAreExplained) {
  EXPECT_THAT(Run("SELEC 1").status().message(), HasSubstr("near \"SELEC\""));
  EXPECT_THAT(Run("").status().message(), HasSubstr("empty"));
  EXPECT_THAT(Run("SELECT 1; SELECT 2").status().message(), HasSubstr("more than one"));
  EXPECT_THAT(Run("SELECT ?1").status().message(), HasSubstr("1 parameters, but 0"));
}

TEST_F(UserQueryTest, AnEndlessQueryStopsAtItsDeadline) {
  UserQuery query;
  query.sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
              "SELECT count(*) FROM n";
  query.time_limit = std::chrono::milliseconds(50);
  const auto stopped = RunUserQuery(*db_, query);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Run("SELECT 1").ok()) << "the deadline is gone with its query";
}

TEST_F(UserQueryTest, PagesByRowsAndBytes) {
  UserQuery query;
  query.sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) "
              "SELECT i, printf('%.100c', 'x') FROM n";
  query.max_rows = 2;
  query.skip = 3;
  auto rows = RunUserQuery(*db_, query);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->rows.size(), 2u);
  EXPECT_FALSE(rows->more);
  EXPECT_EQ(rows->rows[0][0], SqlValue(4.0));
  query.skip = 0;
  EXPECT_TRUE(RunUserQuery(*db_, query)->more);
  query.max_rows = 100;
  query.max_bytes = 300;
  rows = RunUserQuery(*db_, query);
  EXPECT_EQ(rows->rows.size(), 2u);
  EXPECT_TRUE(rows->more);
  query.max_bytes = 50;
  EXPECT_EQ(RunUserQuery(*db_, query).status().code(), StatusCode::kResourceExhausted);
}

// What it reads cannot be written back while it runs: the log would grow until its deadline.
TEST_F(UserQueryTest, EndsWhenTheLogGrowsTooLargeBehindIt) {
  UserQuery query;
  query.sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  query.time_limit = std::chrono::minutes(5);
  query.max_log_bytes = 4 << 20;
  std::atomic<bool> over = false;
  std::thread writing([&] {
    for (int i = 0; !over; ++i) {
      Transaction transaction(file_->db());
      file_->db().Prepare("INSERT INTO blob (sha256, size, bytes) VALUES (?1, 1, zeroblob(60000))")
          .Bind(Sha256Hex(std::to_string(i)))
          .Run();
      transaction.Commit();
    }
  });
  const auto stopped = RunUserQuery(*db_, query);
  over = true;
  writing.join();
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.status().code(), StatusCode::kAborted);
  EXPECT_THAT(stopped.status().message(), HasSubstr("send it again"));
}

// /healthz and /metrics, while strangers' queries take all the threads that they have.
TEST(Queries, OurOwnDoNotWaitForThoseOfStrangers) {
  const TempFolder folder;
  TestServer server(folder / "a.db");
  std::promise<void> go_on;
  const std::shared_future<void> gone_on = go_on.get_future().share();
  for (int i = 0; i < 10; ++i) {
    server.readers->SubmitQuery([gone_on](ReaderPool::Connections&) { gone_on.wait(); });
  }
  v1::QueryRequest request;
  request.set_sql("SELECT count(*) FROM v_trials");
  const auto answer = Call(*server.api, &Api::QueryOwn, request);
  go_on.set_value();
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->rows(0).values(0).number_value(), 0);
}

}  // namespace
}  // namespace sparsweep
