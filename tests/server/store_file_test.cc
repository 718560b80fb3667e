// Opening a result database: created, locked, migrated, refused.
#include "server/store/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "migrations/migrations.h"
#include "server/store/restore.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::HasSubstr;

int64_t Number(Database& db, const char* sql) {
  Statement read = db.Prepare(sql);
  read.Step();
  return read.Int(0);
}

TEST(StoreFile, ANewFileHasTheNewestSchemaAndADurableJournal) {
  const TempFolder folder;
  const auto file = StoreFile::Open(folder / "a.db");
  ASSERT_TRUE(file.ok()) << file.status().message();
  Database& db = (*file)->db();
  EXPECT_EQ(Number(db, "PRAGMA user_version"), static_cast<int64_t>(Migrations().size()));
  EXPECT_EQ(Number(db, "PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(Number(db, "PRAGMA foreign_keys"), 1);
  Statement mode = db.Prepare("PRAGMA journal_mode");
  mode.Step();
  EXPECT_EQ(mode.Text(0), "wal");
  EXPECT_EQ((*file)->backup(), "");
}

TEST(StoreFile, ASecondServerIsRefusedAndNamesTheFirst) {
  const TempFolder folder;
  const auto file = StoreFile::Open(folder / "a.db");
  const auto second = StoreFile::Open(folder / "a.db");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("process " + std::to_string(getpid())));
}

TEST(StoreFile, TheLockGoesWithItsOwner) {
  const TempFolder folder;
  { const auto file = StoreFile::Open(folder / "a.db"); }
  EXPECT_TRUE(StoreFile::Open(folder / "a.db").ok());
}

TEST(StoreFile, ANewerSchemaIsRefusedByReadersAndWriters) {
  const TempFolder folder;
  {
    const auto file = StoreFile::Open(folder / "a.db");
    (*file)->db().Execute("PRAGMA user_version = 99");
  }
  const auto writer = StoreFile::Open(folder / "a.db");
  ASSERT_FALSE(writer.ok());
  EXPECT_THAT(writer.status().message(), HasSubstr("schema 99, which is newer"));
  EXPECT_THAT(OpenForReading(folder / "a.db").status().message(), HasSubstr("newer"));
}

TEST(StoreFile, AnotherProgramsDatabaseIsLeftAlone) {
  const TempFolder folder;
  {
    Database other(folder / "a.db", Database::Mode::kReadWrite);
    other.Execute("CREATE TABLE theirs (x)");
  }
  const auto refused = StoreFile::Open(folder / "a.db");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("another program"));
}

TEST(StoreFile, AFileThatIsNoDatabaseIsRefusedInASentence) {
  const TempFolder folder;
  std::ofstream(folder / "a.db") << std::string(4096, 'x');
  const auto refused = StoreFile::Open(folder / "a.db");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(refused.status().message(), HasSubstr("a.db"));
}

TEST(StoreFile, AFolderThatIsNotThereIsNamed) {
  const TempFolder folder;
  EXPECT_THAT(StoreFile::Open(folder / "no/a.db").status().message(),
              HasSubstr("does not exist; create it first"));
  EXPECT_EQ(OpenForReading(folder / "a.db").status().code(), StatusCode::kNotFound);
}

TEST(StoreFile, AnUnfinishedMigrationLeavesNothingAndIsDoneByTheNextOpen) {
  const TempFolder folder;
  {
    // As after a crash between creating the file and the migration's commit.
    Database db(folder / "a.db", Database::Mode::kReadWrite);
    db.Execute("PRAGMA journal_mode = WAL");
  }
  const auto file = StoreFile::Open(folder / "a.db");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(Number((*file)->db(), "SELECT count(*) FROM sweep"), 0);
}

TEST(StoreFile, AnOlderFileIsCopiedAndMigratedWithItsRows) {
  const TempFolder folder;
  {
    Database db(folder / "a.db", Database::Mode::kReadWrite);
    db.Execute(Migrations()[0].sql);
    const std::string identity(64, 'a');
    db.Execute((
        "INSERT INTO sweep (id, name, state, priority, expanded, spec_digest, request_id, "
        "created_at) VALUES (3, 'old', 'running', 7, 1, 'd', 'r1', 5);"
        "INSERT INTO sweep_spec VALUES (3, '{}');"
        "INSERT INTO trial (id, identity, state) VALUES (9, '" + identity + "', 'running');"
        "INSERT INTO trial_spec (trial_id, spec) VALUES (9, "
        "'{\"kind\":\"finetune\",\"model\":\"m\",\"attention\":\"dense\",\"seed\":1,"
        "\"training\":{\"epochs\":2}}');"
        "INSERT INTO trial (id, identity, state) VALUES (10, '" + std::string(64, 'b') + "', 'queued');"
        "INSERT INTO trial_spec (trial_id, spec) VALUES (10, "
        "'{\"kind\":\"finetune\",\"model\":\"m\",\"attention\":\"random(1)\",\"seed\":1,"
        "\"mask_seed\":4,\"training\":{\"epochs\":2}}');"
        "INSERT INTO cell VALUES (3, 0, 1, NULL, 0, '{}', 'dense', 'dense');"
        "INSERT INTO cell_trial VALUES (3, 0, 9, 0);"
        "INSERT INTO attempt (trial_id, number, worker, incarnation, sweep_id, state, started_at) "
        "VALUES (9, 1, 'w', 'i', 3, 'running', 6); PRAGMA user_version = 1").c_str());
  }
  const auto file = StoreFile::Open(folder / "a.db");
  ASSERT_TRUE(file.ok()) << file.status().message();
  Database& db = (*file)->db();
  EXPECT_EQ(Number(db, "PRAGMA user_version"), static_cast<int64_t>(Migrations().size()));
  EXPECT_EQ(Number(db, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(Number(db, "SELECT priority FROM sweep WHERE id = 3 AND weight = 1"), 7);
  EXPECT_EQ(Number(db, "SELECT sweep_id FROM request WHERE id = 'r1' AND digest = 'd'"), 3);
  EXPECT_EQ(Number(db, "SELECT count(*) FROM v_cells WHERE trial_id = 9"), 1);
  EXPECT_EQ(Number(db, "SELECT trials FROM common_spec"), 2);
  {
    Statement specs = db.Prepare("SELECT trial_id, spec, kind, model, canonical, seed, mask_seed FROM trial_spec");
    ASSERT_TRUE(specs.Step());
    EXPECT_EQ(specs.Int(0), 9);
    EXPECT_EQ(ParseJson(specs.Text(1), "spec").value(),
              ParseJson(R"({"kind":"finetune","model":"m","attention":"dense","seed":1,
                            "training":{"epochs":2},"identity":")" + std::string(64, 'a') + "\"}", "spec").value());
    EXPECT_EQ(specs.Text(2) + specs.Text(3) + specs.Text(4), "finetunemdense");
    EXPECT_EQ(specs.Int(5), 1);
    EXPECT_TRUE(specs.IsNull(6));
    ASSERT_TRUE(specs.Step());
    EXPECT_EQ(specs.Text(4), "random(1)");
    EXPECT_EQ(specs.Int(6), 4);
    EXPECT_FALSE(specs.Step());
  }
  const auto state = LoadState(db, 10);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->live.size(), 1u);
  EXPECT_EQ(state->next_trial, 11);
  // As it was, beside the file.
  Database copy((*file)->backup(), Database::Mode::kReadOnly);
  EXPECT_EQ(Number(copy, "PRAGMA user_version"), 1);
  EXPECT_EQ(Number(copy, "SELECT count(*) FROM trial_spec"), 2);
}

// The promise of the schema: what no code may do, the tables refuse.
TEST(Schema, HoldsOneAcceptedResultPerTrialAndOnlyOfALeasedAttempt) {
  const TempFolder folder;
  const auto file = StoreFile::Open(folder / "a.db");
  Database& db = (*file)->db();
  const std::string identity(64, 'a');
  db.Execute(("INSERT INTO trial (id, identity, state, common_id, canonical, seed) "
              "VALUES (1, '" + identity + "', 'queued', 1, 'dense', 0);"
              "INSERT INTO attempt (trial_id, number, worker, incarnation, state, started_at) "
              "VALUES (1, 1, 'w', 'i', 'running', 0)").c_str());
  constexpr char kInsert[] =
      "INSERT INTO result (trial_id, attempt, metric, value, density, attestation_root, "
      "accepted_at) VALUES (1, ?1, 'accuracy', 0.5, 1.0, 'r', 0)";
  const auto insert = [&](int attempt) {
    return Guard([&] { db.Prepare(kInsert).Bind(attempt).Run(); });
  };
  EXPECT_FALSE(insert(2).ok()) << "attempt 2 was never leased";
  EXPECT_TRUE(insert(1).ok());
  EXPECT_FALSE(insert(1).ok()) << "a second result of the trial";
  EXPECT_FALSE(Guard([&] { db.Execute("UPDATE trial SET state = 'lost'"); }).ok());
  EXPECT_FALSE(Guard([&] { db.Execute("UPDATE attempt SET started_at = 'soon'"); }).ok());
}

}  // namespace
}  // namespace sparsweep
