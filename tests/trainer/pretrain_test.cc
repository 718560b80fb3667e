// Kind pretrain: parity with transformers (golden/mlm.json, made by golden/make_mlm.py), whole
// trials, and going on after a kill.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "tests/trainer/text_task.h"
#include "trainer/optimizer.h"
#include "trainer/pretrain_run.h"
#include "trainer/pretrain_train.h"
#include "trainer/training_state.h"

namespace sparsweep {
namespace {

class MlmParity : public testing::TestWithParam<std::tuple<std::string, Implementation>> {};

TEST_P(MlmParity, LossesOfTenStepsAreThoseOfTransformers) {
  const auto& [name, implementation] = GetParam();
  SPARSWEEP_NEEDS(TestModel(name));
  const auto all =
      nlohmann::json::parse(std::ifstream(SPARSWEEP_SOURCE_DIR "/tests/trainer/golden/mlm.json"));
  const auto& golden = all["models"][name];
  auto checkpoint = LoadCheckpoint(TestModel(name).string()).value();
  EXPECT_EQ(checkpoint->tensors.contains("cls.predictions.bias"),
            !golden["fresh_head"].get<bool>());
  BertOptions options;
  options.vocabulary.resize(checkpoint->config.vocab);
  std::iota(options.vocabulary.begin(), options.vocabulary.end(), 0);
  options.max_length = 64;
  options.head.kind = HeadKind::kMaskedLm;
  std::set<int> lengths;
  for (const auto& row : golden["rows"]) lengths.insert(static_cast<int>(row["ids"].size()));
  MaskCache cache;
  Plan plan =
      Plan::Resolve("dense", {checkpoint->config.layers, checkpoint->config.heads, 64}).value();
  auto masks = MaskPlan::Make(plan, {}, lengths, cache).value();
  Bert model(*checkpoint, options, *masks);
  for (Parameter& parameter : model.parameters()) {
    if (golden["fresh_head"] && parameter.name == "cls.predictions.transform.dense.weight") {
      at::Tensor weights = at::arange(parameter.value.numel(), at::kDouble) + 3.0;
      at::Tensor(parameter.value.detach())
          .copy_((weights.sin() * (0.02 * std::sqrt(2.0))).view(parameter.value.sizes()));
    }
  }
  AdamW optimizer(model.parameters(), all["weight_decay"]);
  const int64_t steps = all["steps"];
  for (int64_t step = 0; step < steps; ++step) {
    Batch batch;
    std::vector<const nlohmann::json*> rows;
    for (size_t i = step % 2; i < golden["rows"].size(); i += 2) {
      rows.push_back(&golden["rows"][i]);
      batch.lengths.push_back(static_cast<int>(golden["rows"][i]["ids"].size()));
    }
    batch.padded = std::ranges::max(batch.lengths);
    batch.examples.assign(rows.size(), -1);
    batch.ids = at::zeros({static_cast<int64_t>(rows.size()), batch.padded}, at::kLong);
    batch.types = at::zeros_like(batch.ids);
    std::vector<int64_t> asked, truth;
    for (size_t b = 0; b < rows.size(); ++b) {
      const int64_t row = static_cast<int64_t>(b) * batch.padded;
      const auto ids = (*rows[b])["ids"].get<std::vector<int64_t>>();
      std::ranges::copy(ids, batch.ids.mutable_data_ptr<int64_t>() + row);
      for (int64_t place : (*rows[b])["positions"]) asked.push_back(row + place);
      for (int64_t token : (*rows[b])["truth"]) truth.push_back(token);
    }
    batch.asked = at::tensor(asked, at::kLong);
    AttentionBatch attention(batch.lengths, batch.padded, implementation);
    at::Tensor loss = at::cross_entropy_loss(model.Logits(batch, attention, Pass{}),
                                             at::tensor(truth, at::kLong));
    EXPECT_NEAR(loss.item<double>(), golden["losses"][step].get<double>(), 1e-5) << "step " << step;
    loss.backward();
    optimizer.Step(
        LearningRate(golden["learning_rate"], "linear", all["warmup"].get<double>(), step, steps),
        1.0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, MlmParity,
    testing::Combine(testing::Values("bert-tiny", "minilm-l6"),
                     testing::Values(Implementation::kAuto, Implementation::kPortable)),
    [](const auto& info) {
      std::string name = std::get<0>(info.param) == "bert-tiny" ? "BertTiny" : "MiniLm";
      return name + (std::get<1>(info.param) == Implementation::kAuto ? "Kernels" : "Portable");
    });

struct Killed {};

class Watcher : public TrialObserver {
 public:
  void OnPhase(const std::string&, int64_t, int64_t) override {}
  void OnStep(const StepReport& report) override {
    losses[report.step] = report.loss;
    if (report.step == kill_at) throw Killed();
  }
  void OnEvaluation(int64_t step, double, const Metrics& metrics) override {
    evaluations[step] = metrics;
  }
  bool Cancelled() override { return false; }
  std::map<int64_t, double> losses;
  std::map<int64_t, Metrics> evaluations;
  int64_t kill_at = -1;
};

class Pretraining : public testing::Test {
 protected:
  void SetUp() override {
    SPARSWEEP_NEEDS(TestModel("bert-tiny"));
    std::filesystem::create_directories(data_.path() / "models");
    std::filesystem::create_symlink(TestModel("bert-tiny"), data_.path() / "models" / "bert-tiny");
    std::string text;
    for (int i = 0; i < 60; ++i) {
      text += "The " + std::string(i % 2 ? "north" : "south") + " road has " + std::to_string(i) +
              " bridges, and the " + std::to_string(3 * i) + " villages along it are old.\n" +
              (i % 3 == 2 ? "\n" : "");
    }
    train_ = data_.Write("train.txt", text);
    dev_ = data_.Write("dev.txt", text.substr(0, 400));
  }

  TrialSpec Spec() {
    TrialSpec spec;
    spec.identity = std::string(64, '5');
    spec.kind = "pretrain";
    spec.model = "bert-tiny";
    spec.task = TextTask(train_, dev_);
    spec.attention = "heads 1: window(2)";
    spec.layers = spec.heads = 2;
    spec.training.max_steps = 12;
    spec.training.batch_size = 4;
    spec.training.max_length = 32;
    spec.training.learning_rate = 1e-3;
    spec.training.eval_every = 5;
    spec.training.checkpoint_every = 4;
    spec.seed = 3;
    spec.device = "cpu";
    return spec;
  }
  std::variant<TrialResult, Failure> Run(TrialSpec spec, Watcher& watcher, int threads = 1) {
    TrialRunner runner({data_.path(), threads});
    const Status filled = runner.FillFingerprints(&spec);
    EXPECT_TRUE(filled.ok()) << filled.message();
    return runner.Run(spec, "attempt", watcher);
  }
  TrialResult Succeed(const TrialSpec& spec, Watcher& watcher) {
    auto outcome = Run(spec, watcher);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      ADD_FAILURE() << failure->message;
      return {};
    }
    return std::get<TrialResult>(outcome);
  }
  std::string Fail(const TrialSpec& spec) {
    Watcher watcher;
    auto outcome = Run(spec, watcher);
    auto* failure = std::get_if<Failure>(&outcome);
    return failure ? FailureReasonName(failure->reason) + (": " + failure->message) : "none";
  }
  TempFolder data_;
  std::string train_, dev_;
};

TEST_F(Pretraining, LearnsItsCorpusAndReportsPerplexity) {
  Watcher watcher;
  TrialSpec spec = Spec();
  spec.training.max_steps = 40;
  spec.training.eval_every = 20;
  const TrialResult result = Succeed(spec, watcher);
  EXPECT_EQ(result.metric, "perplexity");
  EXPECT_DOUBLE_EQ(result.value, std::exp(result.metrics.at("loss")));
  ASSERT_EQ(watcher.evaluations.size(), 2u);
  EXPECT_LT(watcher.evaluations[40].at("perplexity"), watcher.evaluations[20].at("perplexity"));
  EXPECT_EQ(result.value, watcher.evaluations[40].at("perplexity"));
  EXPECT_EQ(result.steps, 40);
  EXPECT_EQ(result.attestation_root.size(), 64u);
  EXPECT_GT(result.train_examples, 20);
}

TEST_F(Pretraining, GoesOnAfterAKillToTheSameNumbers) {
  Watcher unbroken, killed, resumed;
  const TrialResult whole = Succeed(Spec(), unbroken);
  ASSERT_EQ(unbroken.losses.size(), 12u);
  const auto state = StateFile(data_.path(), Spec().identity);
  EXPECT_FALSE(std::filesystem::exists(state)) << "it is over";
  killed.kill_at = 7;
  EXPECT_THROW(Run(Spec(), killed), Killed);
  ASSERT_TRUE(std::filesystem::exists(state));
  const TrialResult rest = Succeed(Spec(), resumed);
  EXPECT_EQ(resumed.losses.begin()->first, 5) << "from the checkpoint of step 4";
  for (const auto& [step, loss] : resumed.losses) EXPECT_EQ(loss, unbroken.losses[step]) << step;
  EXPECT_EQ(resumed.losses.size(), 8u);
  EXPECT_EQ(rest.metrics, whole.metrics);
  EXPECT_EQ(rest.steps, whole.steps);
  EXPECT_GT(whole.flops, 0);
  EXPECT_EQ(rest.flops, whole.flops);
  EXPECT_EQ(rest.density_padded, whole.density_padded);
  EXPECT_LE(whole.density_padded, whole.density);
}

// The best validation comes before the kill: its weights are kept all the same.
TEST_F(Pretraining, KeepsTheBestModelAcrossAKill) {
  TrialSpec spec = Spec();
  spec.keep = "best";
  spec.training.max_steps = 8;
  spec.training.eval_every = 1;
  spec.training.checkpoint_every = 6;
  spec.training.learning_rate = 0.05;  // goes uphill soon
  spec.training.warmup = 0;
  Watcher unbroken, killed, resumed;
  const TrialResult whole = Succeed(spec, unbroken);
  const auto best = std::ranges::min_element(unbroken.evaluations, {}, [](const auto& evaluation) {
    return evaluation.second.at("perplexity");
  });
  ASSERT_LE(best->first, 6) << "else the rest would make it anew";
  killed.kill_at = 7;
  EXPECT_THROW(Run(spec, killed), Killed);
  const TrialResult rest = Succeed(spec, resumed);
  ASSERT_TRUE(whole.checkpoint && rest.checkpoint);
  EXPECT_EQ(*rest.checkpoint, *whole.checkpoint);
  EXPECT_FALSE(std::filesystem::exists(StateFile(data_.path(), spec.identity).string() + ".best"));
  EXPECT_GT(rest.train_seconds, 0);
}

TEST_F(Pretraining, RefusesACheckpointOfAnotherConfiguration) {
  Watcher killed;
  killed.kill_at = 7;
  EXPECT_THROW(Run(Spec(), killed), Killed);
  TrialSpec other = Spec();
  other.identity = std::string(64, '6');
  const auto state = StateFile(data_.path(), other.identity);
  std::filesystem::rename(StateFile(data_.path(), Spec().identity), state);
  EXPECT_EQ(Fail(other), "refused: " + state.string() +
                             ": is a checkpoint of another configuration (555555555555, this trial "
                             "is 666666666666); delete it");
  std::ofstream(state) << "something else";
  EXPECT_EQ(Fail(other), "refused: " + state.string() +
                             ": is no training state of this version; delete it to start this "
                             "trial anew");
}

TEST_F(Pretraining, StartsAnewOnAnotherMachineAndSaysSo) {
  Watcher killed, anew;
  killed.kill_at = 7;
  EXPECT_THROW(Run(Spec(), killed), Killed);
  const auto path = StateFile(data_.path(), Spec().identity);
  TrainingState state = ReadTrainingState(path).value();
  state.machine = "cpu: another, 8 threads";
  ASSERT_TRUE(WriteTrainingState(state, path).ok());
  const TrialResult result = Succeed(Spec(), anew);
  EXPECT_EQ(anew.losses.size(), 12u);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_TRUE(result.warnings[0].starts_with(
      "the checkpoint of step 4 was made on \"cpu: another, 8 threads\", this is \"cpu: "))
      << result.warnings[0];
}

TEST_F(Pretraining, BadInputHasReasonAndSentence) {
  TrialSpec spec = Spec();
  spec.task.files["train"] = {data_.Write("short.txt", "a few words\n")};
  EXPECT_EQ(Fail(spec),
            "data: the training corpus has 3 tokens, fewer than one sequence of 32; give it more "
            "text or lower max_length");
  spec = Spec();
  spec.training.learning_rate = 1e30;
  spec.training.warmup = 0;
  EXPECT_TRUE(Fail(spec).starts_with("diverged: the ")) << Fail(spec);
  spec = Spec();
  spec.attention = "syntax(1)";
  EXPECT_TRUE(Fail(spec).starts_with("refused: kind \"pretrain\" packs texts")) << Fail(spec);
}

TEST(TrainingState, IsReadAsItWasWritten) {
  TempFolder folder;
  const auto path = folder.path() / "sub" / "a.state";
  TrainingState state{
      "id", "cpu", 7, {{"best", 0.1 + 0.2}}, {at::rand({3, 4}), at::ones({}, at::kDouble)}};
  ASSERT_TRUE(WriteTrainingState(state, path).ok());
  const TrainingState read = ReadTrainingState(path).value();
  EXPECT_EQ(read.configuration, "id");
  EXPECT_EQ(read.step, 7);
  EXPECT_EQ(read.numbers, state.numbers);
  ASSERT_EQ(read.tensors.size(), 2u);
  EXPECT_TRUE(at::equal(read.tensors[0], state.tensors[0]));
  EXPECT_TRUE(at::equal(read.tensors[1], state.tensors[1]));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_EQ(ReadTrainingState(path).status().message(),
            path.string() + ": is damaged; delete it to start this trial anew");
  EXPECT_EQ(ReadTrainingState(folder.path() / "none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace sparsweep
