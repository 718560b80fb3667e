// SweepService without sockets: creating, listing, cells with statistics, preview, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/statistics.h"
#include "server/store/result_digest.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SweepsTest : public ::testing::Test {
 protected:
  TempFolder folder_;
  TestServer server_{folder_ / "a.db"};
  Api& api_ = *server_.api;
};

TEST_F(SweepsTest, AnAnsweredRequestIdGivesTheSameSweepForEver) {
  const auto first = Create(api_, R"("attention": "self")", "abc");
  const auto again = Create(api_, R"("attention": "self")", "abc");
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->name(), again->name());
  const auto other = Create(api_, R"("attention": "dense")", "abc");
  EXPECT_EQ(other.status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(other.status().fields().at(0).field, "request_id");
  EXPECT_THAT(Rows(api_, "SELECT count(*) FROM sweep"), ElementsAre("1"));
}

TEST_F(SweepsTest, RefusalsNameTheFieldAndStoreNothing) {
  const auto field = [&](const std::string& rest) {
    const auto refused = Create(api_, rest);
    EXPECT_FALSE(refused.ok()) << rest;
    return refused.ok() || refused.status().fields().empty() ? "none"
                                                             : refused.status().fields()[0].field;
  };
  EXPECT_EQ(field(R"j("attention": "windw(1)")j"), "spec.attention");
  EXPECT_EQ(field(R"j("attention": "window($w)", "axes": {"w": []})j"), "spec.axes.w");
  EXPECT_EQ(field(R"("training": {"batch_size": 0})"), "spec.training.batch_size");
  EXPECT_THAT(Rows(api_, "SELECT count(*) FROM sweep"), ElementsAre("0"));
}

TEST_F(SweepsTest, EqualTrialsOfTwoSweepsAreOneTrial) {
  const auto first = Create(api_, R"("attention": "self", "seeds": 1)");
  Expanded(api_, first->name());
  FakeWorker worker(api_, "w", 4);
  ASSERT_TRUE(worker.Sync().ok());
  ASSERT_TRUE(worker.FinishAll(0.5).ok());
  const auto second =
      Create(api_, R"j("attention": "$a", "axes": {"a": ["self", "window(1)"]}, "seeds": 1)j");
  const v1::Sweep expanded = Expanded(api_, second->name());
  EXPECT_EQ(expanded.coverage().trials(), 3);
  EXPECT_EQ(expanded.coverage().succeeded(), 2);
  EXPECT_EQ(expanded.coverage().queued(), 1);
}

TEST_F(SweepsTest, ListsNewestFirstInPages) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Create(api_, R"("attention": "self")").ok());
  v1::ListSweepsRequest request;
  request.set_page_size(2);
  auto page = Call(api_, &Api::ListSweeps, request);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->sweeps_size(), 2);
  EXPECT_EQ(page->sweeps(0).name(), "sweeps/3");
  request.set_page_token(page->next_page_token());
  page = Call(api_, &Api::ListSweeps, request);
  ASSERT_EQ(page->sweeps_size(), 1);
  EXPECT_EQ(page->sweeps(0).name(), "sweeps/1");
  EXPECT_EQ(page->next_page_token(), "");
  request.set_page_token("x");
  EXPECT_EQ(Call(api_, &Api::ListSweeps, request).status().fields().at(0).field, "page_token");
}

TEST_F(SweepsTest, CellsCarryMeansSpreadsAndPairedDifferences) {
  const auto created = Create(
      api_, R"j("attention": "$a", "axes": {"a": ["self", "random(0) + self"]}, "seeds": 3)j");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  while (!worker.running.empty()) {
    const auto spec = ParseTrialSpec(worker.running[0].trial_json());
    const double noise = 0.01 * static_cast<double>(spec->seed);
    ASSERT_TRUE(worker.FinishAll((spec->attention == "dense" ? 0.8 : 0.7) + noise).ok());
  }
  v1::ListCellsRequest request;
  request.set_parent(created->name());
  const auto cells = Call(api_, &Api::ListCells, request);
  ASSERT_TRUE(cells.ok());
  ASSERT_EQ(cells->cells_size(), 3);
  const v1::Cell& alias = cells->cells(0);
  const v1::Cell& self = cells->cells(1);
  const v1::Cell& dense = cells->cells(2);
  EXPECT_TRUE(dense.baseline());
  EXPECT_NEAR(dense.mean(), 0.82, 1e-12);
  EXPECT_FALSE(dense.has_difference());
  for (const v1::Cell& cell : {alias, self}) {
    EXPECT_NEAR(cell.mean(), 0.72, 1e-12);
    EXPECT_NEAR(cell.stddev(), 0.01, 1e-12);
    EXPECT_EQ(cell.n(), 3);
    EXPECT_NEAR(cell.difference(), -0.1, 1e-12);
    EXPECT_NEAR(cell.difference_high(), -0.1, 1e-9);
    EXPECT_EQ(cell.canonical(), "self");
    EXPECT_NEAR(cell.density(), 0.25, 1e-12);
  }
  EXPECT_EQ(alias.has_alias_of() + self.has_alias_of(), 1);
  EXPECT_EQ(alias.axes().fields().at("a").string_value(), "self");

  request.set_page_size(2);
  const auto page = Call(api_, &Api::ListCells, request);
  EXPECT_EQ(page->cells_size(), 2);
  request.set_page_token(page->next_page_token());
  EXPECT_EQ(Call(api_, &Api::ListCells, request)->cells(0).cell(), dense.cell());
}

// Runs the sweep to its end with the result that `result` gives each trial, and lists its cells.
std::vector<v1::Cell> CellsOf(Api& api, const std::string& rest,
                              const std::function<TrialResult(const TrialSpec&)>& result) {
  const auto created = Create(api, rest);
  EXPECT_TRUE(created.ok()) << created.status().message();
  Expanded(api, created->name());
  FakeWorker worker(api, "w", 1);
  EXPECT_TRUE(worker.Sync().ok());
  while (!worker.running.empty()) {
    EXPECT_TRUE(worker.FinishAll(result(*ParseTrialSpec(worker.running[0].trial_json()))).ok());
  }
  v1::ListCellsRequest request;
  request.set_parent(created->name());
  const auto cells = Call(api, &Api::ListCells, request);
  EXPECT_TRUE(cells.ok());
  return {cells->cells().begin(), cells->cells().end()};
}

TEST_F(SweepsTest, ACellSaysWhatDifferenceItWouldHaveSeen) {
  const std::map<uint64_t, double> difference = {{1, -0.03}, {2, 0.01}, {3, 0.02}, {4, 0.04}};
  const auto cells = CellsOf(api_, R"("attention": "self", "seeds": 4)", [&](const TrialSpec& spec) {
    const double noise = 0.01 * static_cast<double>(spec.seed);
    return RecordedResult(0.8 + noise +
                          (spec.attention == "dense" ? 0 : difference.at(spec.seed)));
  });
  const v1::Cell& self = cells.at(0);
  // core/statistics.h is checked against scipy; here it is the way through the API.
  const auto expected = ComparePaired(difference, {{1, 0}, {2, 0}, {3, 0}, {4, 0}});
  EXPECT_NEAR(self.difference(), 0.01, 1e-12);
  EXPECT_LT(self.difference_low(), 0);
  EXPECT_GT(self.difference_high(), 0);
  ASSERT_TRUE(self.has_smallest_detectable());
  EXPECT_NEAR(self.smallest_detectable(), *expected->smallest_detectable, 1e-9);
  EXPECT_EQ(self.left_out(), 0);
  EXPECT_FALSE(cells.at(1).has_smallest_detectable()) << "the baseline is compared with nothing";
}

TEST_F(SweepsTest, PairsOfDifferentDevicesOrThreadsAreLeftOutAndCounted) {
  const auto cells =
      CellsOf(api_, R"("attention": "self", "seeds": 5)", [](const TrialSpec& spec) {
        TrialResult result = RecordedResult(spec.attention == "dense" ? 0.8 : 0.7);
        if (spec.attention == "self" && spec.seed == 1) {
          result.device = "cuda: test";
          result.value = 0.1;
        }
        if (spec.attention == "self" && spec.seed == 2) {
          result.threads = 2;
          result.value = 0.2;
        }
        return result;
      });
  EXPECT_EQ(cells.at(0).n(), 5);
  EXPECT_EQ(cells.at(0).left_out(), 2);
  EXPECT_NEAR(cells.at(0).difference(), -0.1, 1e-12) << "of the three comparable pairs";
  EXPECT_EQ(cells.at(1).left_out(), 0);
}

TEST_F(SweepsTest, ASeedThatTheBaselineLacksIsNoPairLeftOut) {
  const auto created = Create(api_, R"("attention": "self", "seeds": 2)");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  while (!worker.running.empty()) {
    const auto spec = ParseTrialSpec(worker.running[0].trial_json());
    if (spec->attention != "dense" || spec->seed != 2) {
      ASSERT_TRUE(worker.FinishAll(0.7).ok());
      continue;
    }
    v1::SyncRequest request = worker.Request();
    request.clear_running();
    v1::EndedAttempt* ended = request.add_ended();
    *ended->mutable_attempt() = worker.running[0].attempt();
    ended->set_failure("diverged");
    ASSERT_TRUE(worker.Send(request).ok());
  }
  v1::ListCellsRequest request;
  request.set_parent(created->name());
  const auto cells = Call(api_, &Api::ListCells, request);
  EXPECT_EQ(cells->cells(0).n(), 2);
  EXPECT_EQ(cells->cells(1).n(), 1);
  EXPECT_EQ(cells->cells(0).left_out(), 0);
}

TEST_F(SweepsTest, ACellWhosePatternBecameDenseSaysSo) {
  const auto cells = CellsOf(
      api_,
      R"j("attention": "$a", "training": {"max_length": 64}, "seeds": 1,
          "axes": {"a": ["window(300)", "layer 0: self; layer 1: global(80)", "dense"]})j",
      [](const TrialSpec&) { return RecordedResult(0.7); });
  EXPECT_THAT(cells.at(0).warnings(), ElementsAre("\"window(300)\" is dense at max_length 64"));
  EXPECT_THAT(cells.at(1).warnings(), ElementsAre("\"global(80)\" is dense at max_length 64"))
      << "in a part of the plan alone";
  EXPECT_THAT(cells.at(2).warnings(), ElementsAre());
}

TEST_F(SweepsTest, ACellHasTheWarningsOfItsResultsOnce) {
  const auto cells =
      CellsOf(api_, R"("attention": "self", "seeds": 2)", [](const TrialSpec& spec) {
        TrialResult result = RecordedResult(0.7);
        if (spec.attention == "self") result.warnings = {"[CLS] reaches nothing."};
        if (spec.attention == "self" && spec.seed == 2) result.warnings.push_back("Another.");
        return result;
      });
  EXPECT_THAT(cells.at(0).warnings(), ElementsAre("[CLS] reaches nothing.", "Another."));
  EXPECT_THAT(cells.at(1).warnings(), ElementsAre());
}

TEST_F(SweepsTest, AFinishedSweepHasADigestThatItsResultsDecide) {
  const auto digest = [](const std::string& db, double value) {
    TestServer server(db);
    const auto created = Create(*server.api, R"("attention": "self", "seeds": 1)");
    Expanded(*server.api, created->name());
    FakeWorker worker(*server.api, "w", 2);
    EXPECT_TRUE(worker.Sync().ok());
    EXPECT_TRUE(worker.FinishAll(value).ok());
    const auto read = ReaderPool::ReadNow<std::string>(
        server.file->db(), [](Database& rows) -> Result<std::string> {
          return ResultDigest(rows, 1);
        });
    return *read;
  };
  const std::string one = digest(folder_ / "one.db", 0.5);
  EXPECT_EQ(one.size(), 64u);
  EXPECT_EQ(one, digest(folder_ / "two.db", 0.5));
  EXPECT_NE(one, digest(folder_ / "three.db", 0.6));
}

TEST_F(SweepsTest, PreviewCountsTheWholeGridAndStoresNothing) {
  v1::PreviewSweepRequest request;
  *request.mutable_spec() = *SweepSpecToProto(SweepFile(
      R"j("attention": "$a", "axes": {"a": ["self", "random(0) + self", "window(1)", "dense"]},
          "where": ["a != 'x'"], "seeds": 2)j"));
  request.mutable_spec()->clear_where();
  request.set_max_cells(2);
  const auto preview = Call(api_, &Api::PreviewSweep, request);
  ASSERT_TRUE(preview.ok()) << preview.status().message();
  EXPECT_EQ(preview->combinations(), 4);
  EXPECT_EQ(preview->cells(), 4);
  EXPECT_EQ(preview->aliases(), 1);
  EXPECT_EQ(preview->trials(), 6);
  EXPECT_EQ(preview->already_done(), 0);
  EXPECT_EQ(preview->previews_size(), 2);
  EXPECT_THAT(Rows(api_, "SELECT count(*) FROM sweep"), ElementsAre("0"));
}

TEST_F(SweepsTest, PreviewWarnsOfPlansWithTheCellsTheyAreIn) {
  v1::PreviewSweepRequest request;
  *request.mutable_spec() = *SweepSpecToProto(SweepFile(
      R"j("attention": "$a", "axes": {"a": ["self", "window(1)", "window(300)", "self + self"]},
          "training": {"pooling": "cls", "max_length": 64}, "seeds": 1)j"));
  const auto preview = Call(api_, &Api::PreviewSweep, request);
  ASSERT_TRUE(preview.ok()) << preview.status().message();
  EXPECT_THAT(preview->warnings(),
              ElementsAre(HasSubstr("cells 0, 3: with pooling cls, [CLS] sees no other token"),
                          "cell 2: \"window(300)\" is dense at max_length 64"));
}

TEST_F(SweepsTest, AFailedTrialCanBeRetried) {
  const auto created = Create(api_, R"("attention": "dense", "seeds": 1)");
  Expanded(api_, created->name());
  FakeWorker worker(api_, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  v1::SyncRequest request = worker.Request();
  request.clear_running();
  v1::EndedAttempt* ended = request.add_ended();
  *ended->mutable_attempt() = worker.running[0].attempt();
  ended->set_failure("diverged");
  ended->set_message("the loss was not finite at step 3");
  ASSERT_TRUE(worker.Send(request).ok());
  EXPECT_EQ(Get(api_, created->name()).state(), v1::SWEEP_STATE_FAILED);
  EXPECT_THAT(Rows(api_, "SELECT state, reason, message FROM v_trials"),
              ElementsAre("failed|diverged|the loss was not finite at step 3"));
  v1::RetrySweepRequest retry;
  retry.set_name(created->name());
  ASSERT_TRUE(Call(api_, &Api::RetrySweep, retry).ok());
  EXPECT_EQ(Get(api_, created->name()).coverage().queued(), 1);
}

TEST_F(SweepsTest, UnknownNamesAreNotFound) {
  v1::GetSweepRequest request;
  request.set_name("sweeps/7");
  EXPECT_EQ(Call(api_, &Api::GetSweep, request).status().code(), StatusCode::kNotFound);
  request.set_name("sweep 7");
  EXPECT_EQ(Call(api_, &Api::GetSweep, request).status().fields().at(0).field, "name");
  v1::CancelSweepRequest cancel;
  cancel.set_name("sweeps/7");
  EXPECT_EQ(Call(api_, &Api::CancelSweep, cancel).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace sparsweep
