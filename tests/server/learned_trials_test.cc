// Trials with learned patterns as the server shows and proves them: from what their results store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/expected_masks.h"
#include "core/hardening.h"
#include "server/verify/verify.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kAttention[] = "layer 0: learned_window(3, harden=threshold)";

// Half of the rows look one token far, the others three.
TrialResult LearnedResult() {
  const Plan plan = Plan::Resolve(kAttention, {2, 2, 128}).value();
  TrialResult result = RecordedResult(0.5);
  result.degrees = {{1, 0, {0, 1}, {0, 500'001, 0, 499'999}, {}, 0.5, 0.5, 0.5, 0.5}};
  const auto learned = LearnedDegrees::OfResult(plan, result.degrees).value();
  auto attested = ExpectedMasks().Of(
      plan, 0, {result.lengths, {}}, {"learned+masked", "learned+masked", "dense", "dense"}, &learned);
  result.masks = std::move(attested.rows);
  result.attestation_root = attested.root;
  result.density = attested.density;
  result.tile_sparsity = attested.tile_sparsity;
  return result;
}

class LearnedTrials : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto created = Create(*server_->api, std::string(R"j("attention": ")j") + kAttention +
                                                   R"j(", "baseline": "none", "seeds": 1)j");
    ASSERT_TRUE(created.ok()) << created.status().message();
    Expanded(*server_->api, created->name());
    ASSERT_TRUE(worker_.Sync().ok());
    ASSERT_EQ(worker_.running.size(), 1u);
  }
  void Finish() {
    v1::SyncRequest sync = worker_.Request();
    sync.clear_running();
    v1::EndedAttempt* ended = sync.add_ended();
    *ended->mutable_attempt() = worker_.running[0].attempt();
    ended->set_result_json(TrialResultToJson(LearnedResult()));
    ASSERT_TRUE(worker_.Send(sync).ok());
  }
  Result<v1::TrialMask> Picture() {
    v1::GetTrialMaskRequest request;
    request.set_name("trials/1");
    request.set_length(8);
    return Call(*server_->api, &Api::GetTrialMask, request);
  }
  // "kind: message" of everything that `verify` finds wrong.
  std::vector<std::string> Findings() {
    std::vector<std::string> found;
    VerifyOptions options;
    options.now_ms = int64_t{1} << 60;
    options.on_finding = [&](const Finding& finding) {
      found.push_back(finding.kind + ": " + finding.message);
    };
    Database db(folder_ / "a.db", Database::Mode::kReadWrite);
    EXPECT_TRUE(VerifySweep(db, 1, options).ok());
    return found;
  }

  TempFolder folder_;
  std::unique_ptr<TestServer> server_ = std::make_unique<TestServer>(folder_ / "a.db");
  FakeWorker worker_{*server_->api, "w", 1};
};

TEST_F(LearnedTrials, ShowTheMasksThatWereHardenedOnceTheyHaveEnded) {
  const auto before = Picture();
  ASSERT_TRUE(before.ok()) << before.status().message();
  EXPECT_THAT(before->mask_index(), ElementsAre(-1, -1, 0, 0)) << "nothing is learned yet";
  Finish();
  const auto picture = Picture();
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_THAT(picture->mask_index(), ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(picture->masks(0).hash(), Hex(BuildMask({Window{1}}, 8, {}).Sha256()))
      << "just less than half of the mass reaches three tokens";
}

TEST_F(LearnedTrials, AreProvedFromWhatTheyStore) {
  Finish();
  for (const std::string& finding : Findings())
    EXPECT_THAT(finding, ::testing::Not(HasSubstr("mask")));
  Database db(folder_ / "a.db", Database::Mode::kReadWrite);
  db.Execute(
      "UPDATE result_detail SET detail = replace(detail, '500001,0,499999', '499999,0,500001')");
  EXPECT_THAT(Findings(), ::testing::Contains(HasSubstr("wrong_mask")));
  db.Execute("UPDATE result_detail SET detail = json_remove(detail, '$.degrees')");
  EXPECT_THAT(Findings(), ::testing::Contains(
                              HasSubstr("the result has no learned degrees for layer 0 head 0")));
}

}  // namespace
}  // namespace sparsweep
