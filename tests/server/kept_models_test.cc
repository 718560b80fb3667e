// Models by the names "trial:ID" and "best:SWEEP".
#include "server/store/kept_models.h"

#include <gtest/gtest.h>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

constexpr const char* kConfig =
    R"j({"model_type": "bert", "num_hidden_layers": 3, "num_attention_heads": 4,
        "hidden_size": 64, "vocab_size": 1000, "max_position_embeddings": 128})j";

class KeptModelsTest : public ::testing::Test {
 protected:
  KeptModelsTest() {
    const auto upload = api_.PutBlob();
    v1::PutBlobRequest message;
    message.set_sha256(Sha256Hex(kConfig));
    message.set_chunk(kConfig);
    upload->Write(message, [](const Status& status) { SPARSWEEP_CHECK(status.ok()); });
    std::promise<Result<v1::PutBlobResponse>> finished;
    upload->Finish([&](Result<v1::PutBlobResponse> result) { finished.set_value(result); });
    SPARSWEEP_CHECK(finished.get_future().get().ok());
  }

  // Two cells, window(1) and window(3), of two seeds each.
  std::string Submit() {
    const auto created = Create(api_, R"j("attention": "window($w)", "axes": {"w": [1, 3]},
        "seeds": 2, "baseline": "none", "keep": "last")j");
    SPARSWEEP_CHECK(created.ok());
    return Expanded(api_, created->name()).name();
  }
  // Every trial that is there, with `value(attention, seed)` as its result.
  void Run(const std::string& metric, double (*value)(const std::string&, uint64_t),
           bool keep = true, int most = 1000) {
    SPARSWEEP_CHECK(worker_.Sync().ok());
    for (; !worker_.running.empty() && most > 0; --most) {
      const TrialSpec trial = ParseTrialSpec(worker_.running[0].trial_json()).value();
      TrialResult result = RecordedResult(value(trial.attention, trial.seed));
      result.metric = metric;
      result.metrics[metric] = result.value;
      if (keep) {
        result.checkpoint =
            KeptCheckpoint{Sha256Hex(trial.identity), {{"config.json", Sha256Hex(kConfig)}}};
      }
      v1::SyncRequest request = worker_.Request();
      request.clear_running();
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = worker_.running[0].attempt();
      ended->set_result_json(TrialResultToJson(result));
      SPARSWEEP_CHECK(worker_.Send(request).ok());
    }
  }
  std::string Refusal(const std::string& name) {
    const auto model = models_.Model(name);
    return model.ok() ? "found " + model->name : model.status().message();
  }
  // The trial of this mask and seed.
  std::string Trial(const std::string& canonical, int seed) {
    return Rows(api_, "SELECT trial_id FROM v_results WHERE canonical = '" + canonical +
                          "' AND seed = " + std::to_string(seed))
        .at(0);
  }

  TempFolder folder_;
  TestServer server_{folder_ / "a.db"};
  Api& api_ = *server_.api;
  FakeWorker worker_{api_, "w", 1};
  KeptModels models_{server_.resolver, folder_ / "a.db", folder_ / "a.db.blobs"};
};

double Higher(const std::string& attention, uint64_t seed) {
  // One seed of window(1) is the best of all, window(3) is better on average.
  if (attention == "window(1)") return seed == 1 ? 0.9 : 0.5;
  return seed == 1 ? 0.8 : 0.81;
}

TEST_F(KeptModelsTest, ATrialsModelIsWhatItsFilesSay) {
  Submit();
  Run("accuracy", Higher);
  const std::string trial = Trial("window(1)", 1);
  const auto model = models_.Model("trial:" + trial);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->name, "trial:" + trial);
  EXPECT_EQ(model->fingerprint.size(), 64u);
  EXPECT_EQ(model->layers, 3);
  EXPECT_EQ(model->heads, 4);
  EXPECT_EQ(model->files,
            (std::map<std::string, std::string>{{"config.json", Sha256Hex(kConfig)}}));
  EXPECT_EQ(models_.Model("tiny")->layers, 2) << "the catalog's";
}

TEST_F(KeptModelsTest, TheBestCellIsThatOfTheBestMeanByItsBestSeed) {
  const std::string sweep = Submit();
  Run("accuracy", Higher);
  const std::string best = "trial:" + Trial("window(3)", 2);
  EXPECT_EQ(models_.Model("best:test")->name, best);
  EXPECT_EQ(models_.Model("best:" + sweep.substr(7))->name, best) << sweep;
}

TEST_F(KeptModelsTest, TheBestIsSettledWhenItsSweepIsSubmitted) {
  Submit();
  Run("accuracy", Higher);
  const std::string best = "trial:" + Trial("window(3)", 2);
  LocalApi api({*server_.readers, server_.feed, server_.progress, models_, folder_ / "a.db.blobs",
                server_.loop.get(), nullptr});
  const auto sweep = Create(api, R"j("axes": {"model": ["tiny", "best:1"]},
      "where": ["model == 'best:1'"], "seeds": 1)j");
  ASSERT_TRUE(sweep.ok()) << sweep.status().message();
  EXPECT_EQ(sweep->spec().axes().fields().at("model").list_value().values(1).string_value(), best);
  EXPECT_EQ(sweep->spec().where(0), "model == '" + best + "'");
  v1::CreateSweepRequest request;
  *request.mutable_spec() =
      SweepSpecToProto(R"j({"name": "next", "task": "toy", "model": "best:1"})j").value();
  const auto submit = [&] {
    return Call<v1::CreateSweepRequest, v1::Sweep>(api, &Api::CreateSweep, request);
  };
  EXPECT_EQ(submit()->spec().model(), best);
  request.mutable_spec()->set_model("best:other");
  EXPECT_EQ(submit().status().message(), "model \"best:other\": there is no sweep other");
}

TEST_F(KeptModelsTest, OfPerplexityTheLowestIsTheBest) {
  Submit();
  Run("perplexity", Higher);
  EXPECT_EQ(models_.Model("best:test")->name, "trial:" + Trial("window(1)", 2));
}

TEST_F(KeptModelsTest, WhatIsNotThereIsRefusedInOneSentence) {
  EXPECT_EQ(Refusal("trial:7"), "model \"trial:7\": trial 7 has no result");
  EXPECT_EQ(Refusal("trial:x"), "model \"trial:x\": \"x\" is no trial");
  EXPECT_EQ(Refusal("best:a"), "model \"best:a\": there is no sweep a");
  Submit();
  Run("accuracy", Higher, /*keep=*/true, /*most=*/3);
  EXPECT_EQ(
      Refusal("best:test"),
      "model \"best:test\": sweep 1 is running; its best cell is known when all have succeeded, "
      "until then name a trial");
}

TEST_F(KeptModelsTest, ATrialWithoutWeightsSaysHowToKeepThem) {
  Submit();
  Run("accuracy", Higher, /*keep=*/false);
  EXPECT_EQ(Refusal("trial:1"),
            "model \"trial:1\": trial 1 kept no weights; run its sweep with \"keep\": \"best\" or "
            "\"last\"");
}

}  // namespace
}  // namespace sparsweep
