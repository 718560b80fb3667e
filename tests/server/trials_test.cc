// TrialService and the feed without sockets: trials, live logs, metrics, masks, replay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mask.h"
#include "core/plan.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrialsTest : public ::testing::Test {
 protected:
  // One trial, leased to worker_.
  void Lease(const std::string& rest) {
    const auto created = Create(api_, rest);
    ASSERT_TRUE(created.ok()) << created.status().message();
    Expanded(api_, created->name());
    ASSERT_TRUE(worker_.Sync().ok());
    ASSERT_EQ(worker_.running.size(), 1u);
  }
  std::vector<v1::WatchEventsResponse> Next(Subscription& subscription) {
    std::promise<Result<std::vector<v1::WatchEventsResponse>>> promise;
    subscription.Next([&](auto events) { promise.set_value(std::move(events)); });
    const auto events = promise.get_future().get();
    EXPECT_TRUE(events.ok());
    return events.ok() ? *events : std::vector<v1::WatchEventsResponse>();
  }

  TempFolder folder_;
  TestServer server_{folder_ / "a.db"};
  Api& api_ = *server_.api;
  FakeWorker worker_{api_, "w", 1};
};

TEST_F(TrialsTest, ATrialShowsWhatRanAndWhatWasAttested) {
  Lease(R"("attention": "dense", "seeds": 1)");
  ASSERT_TRUE(worker_.FinishAll(0.5).ok());
  v1::GetTrialRequest request;
  request.set_name("trials/1");
  const auto trial = Call(api_, &Api::GetTrial, request);
  ASSERT_TRUE(trial.ok());
  EXPECT_EQ(trial->state(), v1::TRIAL_STATE_SUCCEEDED);
  EXPECT_EQ(trial->model(), "tiny");
  EXPECT_EQ(trial->seed(), 1);
  EXPECT_EQ(trial->attempts_size(), 1);
  EXPECT_EQ(trial->attempts(0).state(), "succeeded");
  EXPECT_THAT(trial->sweeps(), ElementsAre("sweeps/1"));
  EXPECT_EQ(trial->masks_size(), 4);
  EXPECT_EQ(trial->result().fields().at("value").number_value(), 0.5);
  v1::ListTrialsRequest list;
  list.set_parent("sweeps/1");
  list.set_state(v1::TRIAL_STATE_QUEUED);
  EXPECT_EQ(Call(api_, &Api::ListTrials, list)->trials_size(), 0);
  list.set_state(v1::TRIAL_STATE_SUCCEEDED);
  EXPECT_EQ(Call(api_, &Api::ListTrials, list)->trials_size(), 1);
}

TEST_F(TrialsTest, LearnedDegreesAreInTheTrialAndByHeadInTheView) {
  Lease(R"("attention": "dense", "seeds": 1)");
  TrialResult result = RecordedResult(0.5);
  DegreeRow window{1, 0, {0, 1}, {250'000, 750'000}, {}, 0.5, 0.375, 0.75, 0.5};
  DegreeRow span{1, 1, {1}, {}, 2.5, 0.25, 0.125, 0.75, 0.5};
  result.degrees = {window, span};
  v1::SyncRequest sync = worker_.Request();
  sync.clear_running();
  v1::EndedAttempt* ended = sync.add_ended();
  *ended->mutable_attempt() = worker_.running[0].attempt();
  ended->set_result_json(TrialResultToJson(result));
  ASSERT_TRUE(worker_.Send(sync).ok());

  v1::GetTrialRequest request;
  request.set_name("trials/1");
  const auto trial = Call(api_, &Api::GetTrial, request);
  ASSERT_TRUE(trial.ok());
  ASSERT_EQ(trial->degrees_size(), 2);
  EXPECT_THAT(trial->degrees(0).heads(), ElementsAre(0, 1));
  EXPECT_THAT(trial->degrees(0).distribution_ppm(), ElementsAre(250'000, 750'000));
  EXPECT_FALSE(trial->degrees(0).has_span());
  EXPECT_EQ(trial->degrees(1).span(), 2.5);
  EXPECT_EQ(trial->degrees(1).hardened_density(), 0.125);
  EXPECT_THAT(Rows(api_, "SELECT * FROM v_degrees ORDER BY layer, head"),
              ElementsAre("1|1|0|0|[250000,750000]|NULL|0.5|0.375|0.75|0.5",
                          "1|1|0|1|[250000,750000]|NULL|0.5|0.375|0.75|0.5",
                          "1|1|1|1|NULL|2.5|0.25|0.125|0.75|0.5"));
}

TEST_F(TrialsTest, TheLogOfARunningTrialIsLive) {
  Lease(R"("attention": "dense", "seeds": 1)");
  v1::SyncRequest sync = worker_.Request();
  sync.mutable_running(0)->set_log("loading\n");
  sync.mutable_running(0)->set_step(3);
  sync.mutable_running(0)->set_steps(10);
  ASSERT_TRUE(worker_.Send(sync).ok());
  v1::GetTrialLogRequest request;
  request.set_name("trials/1");
  auto log = Call(api_, &Api::GetTrialLog, request);
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(log->text(), "loading\n");
  EXPECT_TRUE(log->live());
  sync = worker_.Request();
  sync.mutable_running(0)->set_log("g\nstep 1\n");  // overlaps by two bytes
  sync.mutable_running(0)->set_log_offset(6);
  ASSERT_TRUE(worker_.Send(sync).ok());
  request.set_offset(log->next_offset());
  log = Call(api_, &Api::GetTrialLog, request);
  EXPECT_EQ(log->text(), "step 1\n");
  v1::GetTrialRequest trial;
  trial.set_name("trials/1");
  EXPECT_EQ(Call(api_, &Api::GetTrial, trial)->step(), 3);
}

TEST_F(TrialsTest, MetricsComeInPiecesAfterAStep) {
  Lease(R"("attention": "dense", "seeds": 1)");
  v1::SyncRequest sync = worker_.Request();
  for (int step = 1; step <= 3; ++step) {
    for (const char* name : {"dev/accuracy", "train/loss"}) {
      v1::MetricPoint* point = sync.mutable_running(0)->add_metrics();
      point->set_name(name);
      point->set_step(step);
      point->set_value(1.0 / step);
    }
  }
  ASSERT_TRUE(worker_.Send(sync).ok());
  v1::ListTrialMetricsRequest request;
  request.set_parent("trials/1");
  EXPECT_EQ(Call(api_, &Api::ListTrialMetrics, request)->points_size(), 6);
  request.set_after_step(2);
  request.add_names("train/loss");
  const auto points = Call(api_, &Api::ListTrialMetrics, request);
  ASSERT_EQ(points->points_size(), 1);
  EXPECT_EQ(points->points(0).step(), 3);
  EXPECT_TRUE(points->live());
}

TEST_F(TrialsTest, TheMaskPictureIsThatOfThePlan) {
  Lease(R"j("attention": "layer 0: window(1); layer 1: random(2)", "baseline": "none",
            "seeds": 1, "mask_seeds": [7])j");
  v1::GetTrialMaskRequest request;
  request.set_name("trials/1");
  request.set_length(9);
  const auto picture = Call(api_, &Api::GetTrialMask, request);
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_THAT(picture->mask_index(), ElementsAre(0, 0, 1, 2)) << "equal masks are listed once";
  const auto plan = Plan::Resolve("layer 0: window(1); layer 1: random(2)", {2, 2, 128});
  const Mask mask = BuildMask(plan->at(1, 1), 9, {7, 1, 1, 128});
  EXPECT_EQ(picture->masks(2).hash(), Hex(mask.Sha256()));
  EXPECT_EQ(picture->masks(2).rows(3), mask.RowHex(3));
  EXPECT_EQ(picture->masks(0).kept(), 25);
  request.set_length(400);
  EXPECT_EQ(Call(api_, &Api::GetTrialMask, request).status().fields().at(0).field, "length");
}

TEST_F(TrialsTest, AMaskThatALengthDoesNotTellIsLeftOutAndSaidSo) {
  Lease(R"j("attention": "layer 0: window(1); layer 1 head 1: syntax(1)", "baseline": "none",
            "seeds": 1)j");
  v1::GetTrialMaskRequest request;
  request.set_name("trials/1");
  request.set_length(9);
  const auto picture = Call(api_, &Api::GetTrialMask, request);
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_THAT(picture->mask_index(), ElementsAre(0, 0, 1, -1));
  EXPECT_EQ(picture->masks_size(), 2);
  ASSERT_EQ(picture->notes_size(), 1);
  EXPECT_THAT(picture->notes(0), HasSubstr("from the words of each text: type one"));
  EXPECT_FALSE(picture->per_example_draws());
}

TEST_F(TrialsTest, DrawsOfAnExampleAreShownUnderItsName) {
  Lease(R"j("attention": "random(2, each=example)", "baseline": "none", "seeds": 1,
            "mask_seeds": [7])j");
  v1::GetTrialMaskRequest request;
  request.set_name("trials/1");
  request.set_length(9);
  const Plan plan = *Plan::Resolve("random(2, each=example)", {2, 2, 128});
  for (const auto& [name, key] : {std::pair{"", ExampleKey("train", 0, 0)},
                                  std::pair{"dev/17", ExampleKey("dev", 17, 0)},
                                  std::pair{"test/3/2", ExampleKey("test", 3, 2)}}) {
    request.set_example(name);
    const auto picture = Call(api_, &Api::GetTrialMask, request);
    ASSERT_TRUE(picture.ok()) << picture.status().message();
    MaskContext context{7, 1, 0, 128, 2};
    context.example_key = key;
    EXPECT_EQ(picture->masks(picture->mask_index(2)).hash(),
              Hex(BuildMask(plan.at(1, 0), 9, context).Sha256()))
        << name;
    EXPECT_TRUE(picture->per_example_draws());
    EXPECT_THAT(picture->notes(0), HasSubstr(*name == 0 ? "train/0" : name));
  }
  for (const char* wrong : {"17", "all/1", "dev/", "dev/x", "dev/-1", "dev/1/", "dev/1/2/3"}) {
    request.set_example(wrong);
    EXPECT_EQ(Call(api_, &Api::GetTrialMask, request).status().fields().at(0).field, "example");
  }
}

TEST_F(TrialsTest, AWatchResumesAfterAnEventAndMissesNothing) {
  Lease(R"("attention": "dense", "seeds": 1)");
  ASSERT_TRUE(worker_.FinishAll(0.5).ok());
  v1::WatchEventsRequest request;
  request.set_parent("sweeps/1");
  const auto all = api_.Subscribe(request);
  const auto events = Next(*all);
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.back().state(), "succeeded");
  EXPECT_EQ(Next(*all).size(), 0u) << "the sweep has ended";
  request.set_after_event(events[1].event());
  const auto rest = Next(*api_.Subscribe(request));
  EXPECT_EQ(rest.size(), events.size() - 2);
  EXPECT_EQ(rest.front().event(), events[2].event());
  request.set_after_event(events.back().event() + 1000);
  EXPECT_EQ(Next(*api_.Subscribe(request)).at(0).type(), "reset");
}

TEST_F(TrialsTest, ProgressIsAHintWithoutAnId) {
  Lease(R"("attention": "dense", "seeds": 1)");
  v1::WatchEventsRequest request;
  request.set_after_event(-1);
  const auto live = api_.Subscribe(request);
  std::promise<Result<std::vector<v1::WatchEventsResponse>>> promise;
  live->Next([&](auto events) { promise.set_value(std::move(events)); });
  v1::SyncRequest sync = worker_.Request();
  sync.mutable_running(0)->set_step(4);
  sync.mutable_running(0)->set_steps(8);
  ASSERT_TRUE(worker_.Send(sync).ok());
  const auto events = promise.get_future().get();
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->at(0).type(), "progress");
  EXPECT_EQ(events->at(0).event(), 0);
  EXPECT_EQ(events->at(0).trial(), "trials/1");
  EXPECT_EQ(events->at(0).step(), 4);
}

TEST_F(TrialsTest, ASlowSubscriberFindsAReset) {
  Feed feed;
  const auto queue = feed.Subscribe(0);
  std::vector<EventRow> rows(6000);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].id = static_cast<int64_t>(i) + 1;
  feed.Publish(rows);
  feed.Publish(rows);
  FeedQueue::Rows taken;
  queue->Take([&](FeedQueue::Rows r) { taken = std::move(r); });
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].type, "reset");
  feed.Close();
  queue->Take([&](FeedQueue::Rows r) { taken = std::move(r); });
  EXPECT_TRUE(taken.empty());
}

}  // namespace
}  // namespace sparsweep
