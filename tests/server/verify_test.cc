// `verify` proves a finished sweep, and finds every change of a row that its digest covers.
#include "server/verify/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/store/result_digest.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Five cells (one an alias), two seeds, two mask seeds for the one that draws: 10 trials, of which
// one failed and one needed a second attempt.
constexpr char kSweep[] = R"j("attention": "$a",
  "axes": {"a": ["self", "random(0) + self", "window(1)", "layers 1: random(2) + window(1)"]},
  "seeds": 2, "mask_seeds": 2)j";

class Verify : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    {
      TestServer server(*folder_ / "whole.db");
      const auto created = Create(*server.api, kSweep);
      Expanded(*server.api, created->name());
      FakeWorker worker(*server.api, "w", 1);
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
          ended->set_result_json(
              TrialResultToJson(AttestedResult(worker.running[0].trial_json(), 0.7 + 0.01 * trial)));
        }
        SPARSWEEP_CHECK(worker.Send(request).ok());
      }
      SPARSWEEP_CHECK(Get(*server.api, "sweeps/1").state() == v1::SWEEP_STATE_FAILED);
    }
    Database db(*folder_ / "whole.db", Database::Mode::kReadWrite);
    db.Prepare("UPDATE sweep SET result_digest = ?1").Bind(ResultDigest(db, 1)).Run();
    db.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  static void TearDownTestSuite() { delete folder_; }

  // A copy of the finished file on which `sql` was run behind the program's back.
  std::vector<Finding> After(const std::string& sql) {
    const std::string path = *folder_ / ("copy" + std::to_string(++copies_) + ".db");
    std::filesystem::copy_file(*folder_ / "whole.db", path);
    Database db(path, Database::Mode::kReadWrite);
    db.Execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
    db.Execute(sql.c_str());
    EXPECT_GE(db.Changes(), 1) << sql;
    std::vector<Finding> findings;
    VerifyOptions options;
    options.now_ms = int64_t{1} << 60;
    options.on_finding = [&](const Finding& finding) { findings.push_back(finding); };
    verdict_ = VerifySweep(db, 1, options);
    VerifyFile(db, options);
    return findings;
  }
  static std::vector<std::string> Kinds(const std::vector<Finding>& findings) {
    std::vector<std::string> kinds;
    for (const Finding& finding : findings) kinds.push_back(finding.kind);
    return kinds;
  }

  static TempFolder* folder_;
  static int copies_;
  Result<SweepVerdict> verdict_ = Status(StatusCode::kInternal, "nothing was verified");
};
TempFolder* Verify::folder_ = nullptr;
int Verify::copies_ = 0;

TEST_F(Verify, FindsNothingInAFinishedSweep) {
  const auto findings = After("UPDATE event SET at = at");
  EXPECT_THAT(Kinds(findings), IsEmpty()) << findings[0].message;
  ASSERT_TRUE(verdict_.ok());
  EXPECT_EQ(verdict_->cells, 5);
  EXPECT_EQ(verdict_->aliases, 1);
  EXPECT_EQ(verdict_->trials, 10);
  EXPECT_THAT(verdict_->states, ElementsAre(Pair("failed", 1), Pair("succeeded", 9)));
  EXPECT_EQ(verdict_->masks_recomputed, 9);
  EXPECT_THAT(verdict_->masks_not_recomputed, IsEmpty());
}

struct Change {
  const char* sql;
  const char* kind;
};
// One value of every column, and one row of every table, that the digest covers or that must agree
// with what it covers.
constexpr Change kChanges[] = {
    {"UPDATE sweep_spec SET spec = json_set(spec, '$.seeds', json('[1, 2, 3]'))", "missing_trial"},
    {"UPDATE sweep_spec SET spec = json_set(spec, '$.priority', 7)", "wrong_spec"},
    {"DELETE FROM sweep_spec", "wrong_spec"},
    {"UPDATE cell SET cell = 77 WHERE cell = 2", "missing_cell"},
    {"UPDATE cell SET is_baseline = 1 WHERE cell = 2", "wrong_cell"},
    {"UPDATE cell SET alias_of = 2 WHERE cell = 1", "wrong_cell"},
    {"UPDATE cell SET baseline_cell = 0 WHERE cell = 1", "wrong_cell"},
    {"UPDATE cell SET axes = '{\"a\":\"dense\"}' WHERE cell = 2", "wrong_cell"},
    {"UPDATE cell SET attention = 'window(2)' WHERE cell = 2", "wrong_cell"},
    {"UPDATE cell SET canonical = 'window(2)' WHERE cell = 2", "wrong_cell"},
    {"DELETE FROM cell WHERE cell = 2", "missing_cell"},
    {"INSERT INTO cell SELECT sweep_id, 50, 0, NULL, 4, axes, attention, canonical FROM cell "
     "WHERE cell = 2", "extra_cell"},
    {"UPDATE cell_trial SET cell = 77 WHERE cell = 2 AND seed_rank = 0", "missing_trial"},
    {"UPDATE cell_trial SET trial_id = 1000 WHERE cell = 2 AND seed_rank = 0", "missing_trial"},
    {"UPDATE cell_trial SET seed_rank = 9 WHERE cell = 2 AND seed_rank = 0", "wrong_order"},
    {"DELETE FROM cell_trial WHERE cell = 2 AND seed_rank = 0", "missing_trial"},
    {"INSERT INTO cell_trial SELECT 1, 0, trial_id, 0 FROM cell_trial WHERE cell = 2 LIMIT 1",
     "extra_trial"},
    {"UPDATE trial SET identity = '" "0000000000000000000000000000000000000000000000000000000000000000"
     "' WHERE id = 3", "wrong_identity"},
    {"UPDATE trial SET state = 'failed', reason = 'data' WHERE id = 3", "wrong_result"},
    {"UPDATE trial SET reason = 'data' WHERE id = 3", "wrong_result"},
    {"UPDATE trial SET reason = NULL WHERE state = 'failed'", "missing_result"},
    {"UPDATE trial SET reason = 'data' WHERE state = 'failed'", "digest"},
    {"DELETE FROM trial WHERE id = 3", "missing_trial"},
    {"UPDATE trial SET canonical = 'window(2)' WHERE id = 3", "wrong_identity"},
    {"UPDATE trial SET seed = 9 WHERE id = 3", "wrong_identity"},
    {"UPDATE trial SET mask_seed = 9 WHERE id = 3", "wrong_identity"},
    {"UPDATE trial SET training = '{\"epochs\":9}' WHERE id = 3", "wrong_identity"},
    {"UPDATE trial SET common_id = 1000 WHERE id = 3", "wrong_spec"},
    {"UPDATE common_spec SET spec = json_set(spec, '$.training.epochs', 9)", "wrong_identity"},
    {"INSERT INTO common_spec SELECT 99, 1, json_set(spec, '$.heads', 9) FROM common_spec;"
     "UPDATE trial SET common_id = 99 WHERE id = 3", "wrong_spec"},
    {"UPDATE common_spec SET spec = json_set(spec, '$.heads', 9)", "wrong_mask"},
    {"DELETE FROM common_spec", "wrong_spec"},
    {"UPDATE result SET trial_id = 1000 WHERE trial_id = 3", "missing_result"},
    {"UPDATE result SET attempt = 9 WHERE trial_id = 3", "wrong_attempt"},
    {"UPDATE result SET metric = 'f1' WHERE trial_id = 3", "wrong_result"},
    {"UPDATE result SET value = 0.99 WHERE trial_id = 3", "wrong_result"},
    {"UPDATE result SET density = 0.5 WHERE trial_id = 3", "wrong_result"},
    {"UPDATE result SET attestation_root = 'x' WHERE trial_id = 3", "wrong_result"},
    {"DELETE FROM result WHERE trial_id = 3", "missing_result"},
    {"UPDATE result_detail SET detail = json_set(detail, '$.value', 0.99) WHERE trial_id = 3",
     "wrong_result"},
    {"UPDATE result_detail SET detail = json_set(detail, '$.train_seconds', 1) WHERE trial_id = 3",
     "digest"},
    {"UPDATE result_detail SET detail = json_set(detail, '$.masks[0].hash', 'x') "
     "WHERE trial_id = 3", "wrong_mask"},
    {"UPDATE result_detail SET detail = json_set(detail, '$.masks[1].kept', 1) WHERE trial_id = 3",
     "wrong_mask"},
    {"UPDATE result_detail SET detail = json_set(detail, '$.lengths.12', 41) WHERE trial_id = 3",
     "wrong_mask"},
    {"DELETE FROM result_detail WHERE trial_id = 3", "wrong_result"},
    {"UPDATE metric SET name = 'dev/f1' WHERE trial_id = 3", "digest"},
    {"UPDATE metric SET step = 151 WHERE trial_id = 3", "digest"},
    {"UPDATE metric SET epoch = 3 WHERE trial_id = 3", "digest"},
    {"UPDATE metric SET value = 0.71 WHERE trial_id = 3", "digest"},
    {"UPDATE metric SET attempt = 2 WHERE trial_id = 3", "digest"},
    {"DELETE FROM metric WHERE trial_id = 3", "digest"},
    {"UPDATE sweep SET result_digest = NULL", "digest"},
    {"UPDATE sweep SET name = 'other'", "wrong_spec"},
    {"UPDATE sweep SET state = 'succeeded'", "ledger"},
    {"UPDATE attempt SET state = 'running', ended_at = NULL WHERE trial_id = 3", "wrong_attempt"},
    {"DELETE FROM attempt WHERE trial_id = 3", "wrong_attempt"},
};

TEST_F(Verify, FindsEveryChangeOfWhatTheDigestCovers) {
  for (const Change& change : kChanges) {
    const auto findings = After(change.sql);
    EXPECT_THAT(Kinds(findings), Contains(Eq(change.kind))) << change.sql;
  }
}

TEST_F(Verify, NamesTheCellAndTheTrial) {
  const auto masks = After(
      "UPDATE result_detail SET detail = json_set(detail, '$.masks[1].kept', 1) WHERE trial_id = 3");
  ASSERT_FALSE(masks.empty());
  EXPECT_EQ(masks[0].trial, 3);
  EXPECT_THAT(masks[0].message, HasSubstr("layer 0 head 1: kept is 1; the plan gives "));
  const auto cells = After("DELETE FROM cell WHERE cell = 2");
  ASSERT_FALSE(cells.empty());
  EXPECT_EQ(cells[0].cell, 2);
}

TEST_F(Verify, FindsLeasesThatOverlap) {
  // The log says that trial 3 was leased again while its first attempt ran.
  const auto findings = After(
      "UPDATE event SET id = id + 1000 WHERE type = 'attempt' AND trial_id = 3 AND "
      "state = 'succeeded';"
      "INSERT INTO attempt SELECT trial_id, 2, 'x', 'x', 1, 'lost', NULL, '', NULL, 0, 0 FROM "
      "attempt WHERE trial_id = 3;"
      "INSERT INTO event (id, at, type, sweep_id, trial_id, attempt, state) "
      "VALUES (900, 0, 'attempt', 1, 3, 2, 'running'), (901, 0, 'attempt', 1, 3, 2, 'lost')");
  EXPECT_THAT(Kinds(findings), ElementsAre("overlapping_lease"));
}

TEST_F(Verify, FindsRowsWithoutTheirSweepAndDamage) {
  const auto findings = After("DELETE FROM cell WHERE cell = 2");
  EXPECT_THAT(Kinds(findings), Contains("damaged"));  // its trials refer to it
}

TEST_F(Verify, AnUnfinishedSweepIsComparedAsFarAsItIsExpanded) {
  const auto findings = After(
      "DELETE FROM cell_trial WHERE cell >= 2; DELETE FROM cell WHERE cell >= 2;"
      "UPDATE sweep SET next_index = 2, expanded = 0, state = 'expanding', ended_at = NULL,"
      " result_digest = NULL");
  EXPECT_THAT(Kinds(findings), IsEmpty());
  EXPECT_EQ(verdict_->cells, 2);
}

// exact=hf masks differ between training and evaluation: which examples were which is not stored.
TEST_F(Verify, MasksThatKnowThePhaseAreRecomputed) {
  TestServer server(*folder_ / "phases.db");
  const auto created = Create(
      *server.api, R"j("attention": "bigbird_block(2, 1, exact=hf)", "baseline": "none", "seeds": 1)j");
  Expanded(*server.api, created->name());
  FakeWorker worker(*server.api, "w", 1);
  SPARSWEEP_CHECK(worker.Sync().ok());
  SPARSWEEP_CHECK(
      worker.FinishAll(AttestedResult(worker.running.at(0).trial_json(), 0.5)).ok());
  ASSERT_EQ(Get(*server.api, "sweeps/1").state(), v1::SWEEP_STATE_SUCCEEDED);
  const auto after = [&](const std::string& change) {
    Database db(*folder_ / "phases.db", Database::Mode::kReadWrite);
    std::vector<std::string> found;
    VerifyOptions options;
    options.on_finding = [&](const Finding& one) { found.push_back(one.kind + ": " + one.message); };
    Transaction undone(db);
    db.Execute(("UPDATE result_detail SET detail = " + change).c_str());
    verdict_ = VerifySweep(db, 1, options);
    return found;
  };
  EXPECT_THAT(after("detail"), IsEmpty());
  EXPECT_EQ(verdict_->masks_recomputed, 1);
  EXPECT_THAT(verdict_->masks_not_recomputed, IsEmpty());
  EXPECT_THAT(after("json_set(detail, '$.masks[1].hash', printf('%064d', 0))"),
              Contains(HasSubstr("layer 0 head 1: hash")));
  EXPECT_THAT(after("json_set(detail, '$.masks[1].kept', 40 * 144 + 60 * 289 + 1)"),
              Contains(HasSubstr("layer 0 head 1: kept")));
  EXPECT_THAT(after("json_set(detail, '$.masks[1].kept', 100)"),
              Contains(HasSubstr("layer 0 head 1: kept")));
}

TEST_F(Verify, MasksOfTextsAreAskedOfWhoHasThem) {
  TestServer server(*folder_ / "texts.db");
  const auto created =
      Create(*server.api, R"j("attention": "random(1, each=example)", "baseline": "none", "seeds": 1)j");
  Expanded(*server.api, created->name());
  FakeWorker worker(*server.api, "w", 1);
  SPARSWEEP_CHECK(worker.Sync().ok());
  const TrialResult attested = RecordedResult(0.5);
  SPARSWEEP_CHECK(worker.FinishAll(attested).ok());
  Database db(*folder_ / "texts.db", Database::Mode::kReadOnly);
  std::vector<std::string> found;
  VerifyOptions options;
  options.on_finding = [&](const Finding& one) { found.push_back(one.message); };
  verdict_ = VerifySweep(db, 1, options);
  EXPECT_THAT(verdict_->masks_not_recomputed,
              ElementsAre(Pair("masks of texts need --with-trainer", 1)));
  options.recompute = [](const TrialSpec&, const TrialResult&) -> Result<TrialResult> {
    return Status(StatusCode::kNotFound, "no such data");
  };
  verdict_ = VerifySweep(db, 1, options);
  EXPECT_THAT(verdict_->masks_not_recomputed, ElementsAre(Pair("no such data", 1)));
  EXPECT_THAT(found, IsEmpty());
  options.recompute = [&](const TrialSpec& spec, const TrialResult& stored) {
    EXPECT_EQ(spec.attention, "random(1, each=example)");
    TrialResult expected = stored;
    expected.masks[3].hash = std::string(64, '6');
    return Result<TrialResult>(expected);
  };
  verdict_ = VerifySweep(db, 1, options);
  EXPECT_EQ(verdict_->masks_recomputed, 1);
  EXPECT_THAT(found, ElementsAre(HasSubstr("layer 1 head 1: hash")));
}

TEST_F(Verify, AnUnknownSweepIsNotFound) {
  Database db(*folder_ / "whole.db", Database::Mode::kReadOnly);
  EXPECT_EQ(VerifySweep(db, 9, {}).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace sparsweep
