// What people ask of sweeps under way: once each, fenced by etag, and on disk before it is answered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/verify/verify.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kThreeCells[] =
    R"j("attention": "$a", "axes": {"a": ["dense", "self", "window(1)"]}, "seeds": 1)j";

class LifecycleTest : public ::testing::Test {
 protected:
  void Restart() {
    server_.reset();
    server_ = std::make_unique<TestServer>(folder_ / "a.db");
  }
  Api& api() { return *server_->api; }

  std::string Submit(const std::string& rest) {
    const auto created = Create(api(), rest);
    SPARSWEEP_CHECK(created.ok());
    return Expanded(api(), created->name()).name();
  }
  // Runs everything that there is, with values 0.5, 0.51, ... in the order of assignment.
  void RunAll(const std::string& name = "w") {
    FakeWorker worker(api(), name, 1, name + std::to_string(++runs_));
    SPARSWEEP_CHECK(worker.Sync().ok());
    while (!worker.running.empty()) Finish(worker);
  }
  void Finish(FakeWorker& worker) {
    v1::SyncRequest request = worker.Request();
    request.clear_running();
    v1::EndedAttempt* ended = request.add_ended();
    *ended->mutable_attempt() = worker.running[0].attempt();
    ended->set_result_json(
        TrialResultToJson(AttestedResult(worker.running[0].trial_json(), 0.5 + 0.01 * finished_++)));
    SPARSWEEP_CHECK(worker.Send(request).ok());
  }
  void Fail(FakeWorker& worker, const std::string& reason) {
    v1::SyncRequest request = worker.Request();
    request.clear_running();
    v1::EndedAttempt* ended = request.add_ended();
    *ended->mutable_attempt() = worker.running[0].attempt();
    ended->set_failure(reason);
    ended->set_message("it " + reason);
    SPARSWEEP_CHECK(worker.Send(request).ok());
  }
  std::vector<std::string> Findings(SweepId sweep) {
    std::vector<std::string> findings;
    VerifyOptions options;
    options.on_finding = [&](const Finding& finding) {
      if (finding.kind != "digest") findings.push_back(finding.kind + ": " + finding.message);
    };
    Database db(folder_ / "a.db", Database::Mode::kReadOnly);
    SPARSWEEP_CHECK(VerifySweep(db, sweep, options).ok());
    VerifyFile(db, options);
    return findings;
  }

  TempFolder folder_;
  std::unique_ptr<TestServer> server_ = std::make_unique<TestServer>(folder_ / "a.db");
  int finished_ = 0, runs_ = 0;
};

TEST_F(LifecycleTest, AStaleEtagIsRefusedAndChangesNothing) {
  const std::string name = Submit(kThreeCells);
  const std::string etag = Get(api(), name).etag();
  v1::PauseSweepRequest pause;
  pause.set_name(name);
  pause.set_etag(etag);
  ASSERT_TRUE(Call(api(), &Api::PauseSweep, pause).ok());
  v1::CancelSweepRequest cancel;
  cancel.set_name(name);
  cancel.set_etag(etag);
  const auto refused = Call(api(), &Api::CancelSweep, cancel);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kAborted);
  EXPECT_THAT(refused.status().message(), HasSubstr("look at it again"));
  EXPECT_EQ(refused.status().fields().at(0).field, "etag");
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_PAUSED);
  cancel.set_etag(Get(api(), name).etag());
  EXPECT_TRUE(Call(api(), &Api::CancelSweep, cancel).ok());
}

TEST_F(LifecycleTest, ARequestIdIsAnsweredOnceAlsoAfterARestart) {
  const std::string name = Submit(kThreeCells);
  v1::PauseSweepRequest pause;
  pause.set_name(name);
  pause.set_request_id("p1");
  ASSERT_TRUE(Call(api(), &Api::PauseSweep, pause).ok());
  v1::ResumeSweepRequest resume;
  resume.set_name(name);
  ASSERT_TRUE(Call(api(), &Api::ResumeSweep, resume).ok());
  Restart();
  // The pause was asked for once: repeating it does not undo what came after.
  const auto again = Call(api(), &Api::PauseSweep, pause);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->state(), v1::SWEEP_STATE_RUNNING);
  v1::CancelSweepRequest cancel;
  cancel.set_name(name);
  cancel.set_request_id("p1");
  const auto other = Call(api(), &Api::CancelSweep, cancel);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_RUNNING);
}

TEST_F(LifecycleTest, ARefusedRequestMayBeRepeatedWithItsId) {
  const std::string name = Submit(kThreeCells);
  v1::CancelSweepRequest cancel;
  cancel.set_name("sweeps/9");
  cancel.set_request_id("c1");
  EXPECT_EQ(Call(api(), &Api::CancelSweep, cancel).status().code(), StatusCode::kNotFound);
  cancel.set_name(name);
  EXPECT_TRUE(Call(api(), &Api::CancelSweep, cancel).ok());
}

TEST_F(LifecycleTest, ADeletedSweepTakesItsOwnTrialsAlongAndNoOthers) {
  const std::string first = Submit(kThreeCells);
  RunAll();
  const std::string second =
      Submit(R"j("attention": "$a", "axes": {"a": ["dense", "self"]}, "seeds": 1)j");
  EXPECT_EQ(Get(api(), second).state(), v1::SWEEP_STATE_SUCCEEDED);
  EXPECT_THAT(Rows(api(), "SELECT DISTINCT origin FROM v_cells WHERE sweep = 2"),
              ElementsAre("1"));
  v1::DeleteSweepRequest request;
  request.set_name(first);
  request.set_request_id("d1");
  ASSERT_TRUE(Call(api(), &Api::DeleteSweep, request).ok());
  EXPECT_TRUE(Call(api(), &Api::DeleteSweep, request).ok());  // as the first time
  EXPECT_THAT(Rows(api(), "SELECT canonical FROM v_results ORDER BY 1"),
              ElementsAre("dense", "self"));
  EXPECT_THAT(Rows(api(), "SELECT count(*) FROM cell WHERE sweep_id = 1"), ElementsAre("0"));
  EXPECT_THAT(Findings(2), IsEmpty());
  v1::GetSweepRequest get;
  get.set_name(first);
  EXPECT_EQ(Call(api(), &Api::GetSweep, get).status().code(), StatusCode::kNotFound);
  // Numbers are not used again, also not by a server that never saw the sweep.
  request.set_name(second);
  request.set_request_id("");
  ASSERT_TRUE(Call(api(), &Api::DeleteSweep, request).ok());
  EXPECT_THAT(Rows(api(), "SELECT count(*) FROM trial"), ElementsAre("0"));
  Restart();
  EXPECT_EQ(Submit(kThreeCells), "sweeps/3");
  EXPECT_THAT(Rows(api(), "SELECT min(trial_id) FROM v_trials"), ElementsAre("4"));
}

TEST_F(LifecycleTest, RetriesByReason) {
  const std::string name = Submit(kThreeCells);
  FakeWorker worker(api(), "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  Fail(worker, "diverged");
  Fail(worker, "data");
  Finish(worker);
  ASSERT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_FAILED);
  v1::RetrySweepRequest retry;
  retry.set_name(name);
  retry.add_reasons("divergd");
  const auto refused = Call(api(), &Api::RetrySweep, retry);
  EXPECT_EQ(refused.status().fields().at(0).field, "reasons[0]");
  retry.set_reasons(0, "diverged");
  const auto retried = Call(api(), &Api::RetrySweep, retry);
  ASSERT_TRUE(retried.ok()) << retried.status().message();
  EXPECT_EQ(retried->coverage().queued(), 1);
  EXPECT_EQ(retried->coverage().failed(), 1);
  EXPECT_THAT(Rows(api(), "SELECT reason FROM v_trials WHERE state = 'failed'"),
              ElementsAre("data"));
}

TEST_F(LifecycleTest, PausesACellAcrossARestart) {
  const std::string name = Submit(kThreeCells);
  v1::PauseSweepRequest pause;
  pause.set_name(name);
  pause.add_cells(1);
  ASSERT_TRUE(Call(api(), &Api::PauseSweep, pause).ok());
  Restart();
  RunAll();
  EXPECT_THAT(Rows(api(), "SELECT cell, state, wish FROM v_cells ORDER BY cell"),
              ElementsAre("0|succeeded|NULL", "1|queued|paused", "2|succeeded|NULL"));
  const v1::Sweep waits = Get(api(), name);
  EXPECT_EQ(waits.state(), v1::SWEEP_STATE_RUNNING);
  EXPECT_EQ(waits.coverage().paused(), 1);
  EXPECT_EQ(waits.waiting_for(), "its last queued trial is paused; resume the sweep to go on");
  v1::ListCellsRequest list;
  list.set_parent(name);
  const auto cells = Call(api(), &Api::ListCells, list);
  ASSERT_EQ(cells->cells_size(), 3);
  EXPECT_EQ(cells->cells(0).paused(), 0);
  EXPECT_EQ(cells->cells(1).paused(), 1);
  v1::GetTrialRequest trial;
  trial.set_name(cells->cells(1).trials(0));
  EXPECT_THAT(Call(api(), &Api::GetTrial, trial)->paused_by(), ElementsAre(name));
  v1::ResumeSweepRequest resume;
  resume.set_name(name);
  resume.add_cells(1);
  ASSERT_TRUE(Call(api(), &Api::ResumeSweep, resume).ok());
  EXPECT_EQ(Get(api(), name).waiting_for(), "");
  RunAll();
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_SUCCEEDED);
  EXPECT_THAT(Findings(1), IsEmpty());
  pause.set_cells(0, 77);
  EXPECT_EQ(Call(api(), &Api::PauseSweep, pause).status().fields().at(0).field, "cells[0]");
}

TEST_F(LifecycleTest, CancelsAndRetriesOneTrial) {
  const std::string name = Submit(kThreeCells);
  v1::CancelTrialRequest cancel;
  cancel.set_name("trials/2");
  const auto cancelled = Call(api(), &Api::CancelTrial, cancel);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status().message();
  EXPECT_EQ(cancelled->state(), v1::TRIAL_STATE_CANCELLED);
  v1::RetryTrialRequest retry;
  retry.set_name("trials/2");
  EXPECT_EQ(Call(api(), &Api::RetryTrial, retry)->state(), v1::TRIAL_STATE_QUEUED);
  RunAll();
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_SUCCEEDED);
}

TEST_F(LifecycleTest, UpdatesTheOrder) {
  const std::string name = Submit(kThreeCells);
  v1::UpdateSweepRequest update;
  update.mutable_sweep()->set_name(name);
  update.mutable_sweep()->set_priority(7);
  update.mutable_sweep()->set_weight(2.5);
  update.mutable_update_mask()->add_paths("weight");
  const auto updated = Call(api(), &Api::UpdateSweep, update);
  ASSERT_TRUE(updated.ok()) << updated.status().message();
  EXPECT_EQ(updated->priority(), 0);  // not in the mask
  EXPECT_EQ(updated->weight(), 2.5);
  Restart();
  EXPECT_EQ(Get(api(), name).weight(), 2.5);
  update.mutable_update_mask()->add_paths("spec.model");
  EXPECT_EQ(Call(api(), &Api::UpdateSweep, update).status().fields().at(0).field, "update_mask");
  update.mutable_update_mask()->clear_paths();
  update.mutable_sweep()->set_weight(0);
  update.mutable_sweep()->set_priority(2000);
  EXPECT_EQ(Call(api(), &Api::UpdateSweep, update).status().fields().at(0).field,
            "sweep.priority");
}

TEST_F(LifecycleTest, InvalidatesByConditionAndShowsBeforeAndAfter) {
  const std::string name = Submit(kThreeCells);
  RunAll("node7");
  ASSERT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_SUCCEEDED);
  v1::InvalidateResultsRequest request;
  request.set_where("worker = 'node7' AND pattern = 'self'");
  request.set_why("its memory was bad");
  request.set_validate_only(true);
  const auto preview = Call(api(), &Api::InvalidateResults, request);
  ASSERT_TRUE(preview.ok()) << preview.status().message();
  EXPECT_EQ(preview->total(), 1);
  EXPECT_EQ(preview->results(0).trial(), "trials/2");
  EXPECT_EQ(preview->results(0).value(), 0.51);
  EXPECT_THAT(preview->reopened_sweeps(), ElementsAre(name));
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_SUCCEEDED);

  request.set_validate_only(false);
  request.set_request_id("i1");
  const auto done = Call(api(), &Api::InvalidateResults, request);
  ASSERT_TRUE(done.ok()) << done.status().message();
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_RUNNING);
  EXPECT_EQ(Get(api(), name).coverage().queued(), 1);
  Restart();
  RunAll("node8");
  // Asked again with its id, it does not touch the new result.
  const auto again = Call(api(), &Api::InvalidateResults, request);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->SerializeAsString(), done->SerializeAsString());
  EXPECT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_SUCCEEDED);
  EXPECT_THAT(Rows(api(), "SELECT p.trial_id, p.value, p.worker, p.stale, p.why, r.value, r.worker "
                          "FROM v_replicates p JOIN v_results r USING (trial_id)"),
              ElementsAre("2|0.51|node7|1|its memory was bad|0.53|node8"));
  EXPECT_THAT(Findings(1), IsEmpty());
  v1::GetTrialRequest get;
  get.set_name("trials/2");
  const auto trial = Call(api(), &Api::GetTrial, get);
  ASSERT_EQ(trial->replicates_size(), 1);
  EXPECT_TRUE(trial->replicates(0).stale());
  EXPECT_EQ(trial->replicates(0).value(), 0.51);
}

TEST_F(LifecycleTest, AConditionThatCannotBeReadIsRefusedByName) {
  v1::InvalidateResultsRequest request;
  EXPECT_EQ(Call(api(), &Api::InvalidateResults, request).status().fields().at(0).field, "where");
  for (const char* where : {"patern = 'self'", "1) --", "1; DELETE FROM result"}) {
    request.set_where(where);
    const auto refused = Call(api(), &Api::InvalidateResults, request);
    ASSERT_FALSE(refused.ok()) << where;
    EXPECT_EQ(refused.status().fields().at(0).field, "where") << where;
  }
}

TEST_F(LifecycleTest, SaysWhatNoWorkerOffers) {
  const std::string name = Submit(
      R"j("attention": "dense", "seeds": 1, "needs": {"memory": "4 GiB", "labels": {"gpu": "a100"}})j");
  FakeWorker worker(api(), "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  EXPECT_TRUE(worker.running.empty());
  EXPECT_THAT(Get(api(), name).waiting_for(), HasSubstr("gpu"));
  Restart();
  EXPECT_THAT(Get(api(), name).waiting_for(), HasSubstr("gpu"));
  FakeWorker able(api(), "able", 1);
  v1::SyncRequest request = able.Request();
  request.mutable_offer()->set_memory_bytes(int64_t{8} << 30);
  (*request.mutable_offer()->mutable_labels())["gpu"] = "a100";
  ASSERT_TRUE(able.Send(request).ok());
  EXPECT_EQ(able.running.size(), 1u);
  EXPECT_EQ(Get(api(), name).waiting_for(), "");
}

TEST_F(LifecycleTest, ADrainedWorkerIsGivenNothingNew) {
  Submit(kThreeCells);
  FakeWorker worker(api(), "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  ASSERT_EQ(worker.running.size(), 1u);
  v1::DrainWorkerRequest drain;
  drain.set_name("w");
  const auto drained = Call(api(), &Api::DrainWorker, drain);
  ASSERT_TRUE(drained.ok()) << drained.status().message();
  EXPECT_TRUE(drained->drain_requested());
  Finish(worker);
  EXPECT_TRUE(worker.running.empty());
  drain.set_undo(true);
  ASSERT_TRUE(Call(api(), &Api::DrainWorker, drain).ok());
  ASSERT_TRUE(worker.Sync().ok());
  EXPECT_EQ(worker.running.size(), 1u);
  drain.set_name("nobody");
  EXPECT_EQ(Call(api(), &Api::DrainWorker, drain).status().code(), StatusCode::kNotFound);
}

TEST_F(LifecycleTest, AFreshSweepRunsWhatIsDoneAlready) {
  Submit(kThreeCells);
  RunAll();
  const std::string fresh = Submit(std::string(kThreeCells) + R"(, "fresh": true)");
  EXPECT_EQ(Get(api(), fresh).coverage().queued(), 3);
  RunAll();
  EXPECT_EQ(Get(api(), fresh).state(), v1::SWEEP_STATE_SUCCEEDED);
  EXPECT_THAT(Rows(api(), "SELECT count(*), count(DISTINCT identity) FROM v_results"),
              ElementsAre("6|3"));
  EXPECT_THAT(Findings(1), IsEmpty());
  EXPECT_THAT(Findings(2), IsEmpty());
}

TEST_F(LifecycleTest, ASweepStopsItselfBeyondItsShareOfFailures) {
  const std::string name = Submit(
      R"j("attention": "window($w)", "axes": {"w": [0,1,2,3,4,5,6,7,8,9]}, "seeds": 1,
          "max_failed_share": 0.4)j");
  FakeWorker worker(api(), "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  for (int failed = 0; failed < 5; ++failed) {
    ASSERT_EQ(Get(api(), name).state(), v1::SWEEP_STATE_RUNNING) << failed;
    Fail(worker, "diverged");
  }
  const v1::Sweep sweep = Get(api(), name);
  EXPECT_EQ(sweep.state(), v1::SWEEP_STATE_FAILED);
  EXPECT_THAT(sweep.message(), HasSubstr("5"));
  Restart();
  EXPECT_EQ(Get(api(), name).coverage().queued(), 0);
}

TEST_F(LifecycleTest, ABackupIsWholeAndRefusesAnExistingFile) {
  Submit(kThreeCells);
  RunAll();
  v1::BackUpDatabaseRequest request;
  request.set_path("copy.db");
  EXPECT_EQ(Call(api(), &Api::BackUpDatabase, request).status().fields().at(0).field, "path");
  request.set_path(folder_ / "copy.db");
  const auto backup = Call(api(), &Api::BackUpDatabase, request);
  ASSERT_TRUE(backup.ok()) << backup.status().message();
  EXPECT_EQ(backup->size(), static_cast<int64_t>(std::filesystem::file_size(folder_ / "copy.db")));
  const auto again = Call(api(), &Api::BackUpDatabase, request);
  EXPECT_EQ(again.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(again.status().message(), HasSubstr("copy.db"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy.db.part"));
  TestServer copy(folder_ / "copy.db");
  EXPECT_THAT(Rows(*copy.api, "SELECT count(*) FROM v_results"), ElementsAre("3"));
}

}  // namespace
}  // namespace sparsweep
