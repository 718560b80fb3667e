// Whole trials on real weights and sentences: the exact checks, determinism, independence of the
// random streams, and every way to be refused.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "trainer/expect.h"
#include "trainer/reader.h"
#include "trainer/trial_run.h"

namespace sparsweep {
namespace {

class Watcher : public TrialObserver {
 public:
  void OnPhase(const std::string& phase, int64_t, int64_t) override { phases.push_back(phase); }
  void OnStep(const StepReport& report) override { losses.push_back(report.loss); }
  void OnEvaluation(int64_t, double, const Metrics& metrics) override {
    evaluations.push_back(metrics);
  }
  bool Cancelled() override { return static_cast<int64_t>(losses.size()) >= cancel_after; }
  std::vector<std::string> phases;
  std::vector<double> losses;
  std::vector<Metrics> evaluations;
  int64_t cancel_after = 1 << 30;
};

// Eight steps of BERT-tiny on part of sentences3k.
TrialSpec SmallTrial(const std::string& attention) {
  TrialSpec spec;
  spec.model = "bert-tiny";
  std::stringstream text;
  text << std::ifstream(Catalog::DefaultFolder() / "tasks" / "sentences3k.json").rdbuf();
  spec.task = ParseTaskSpec(text.str()).value();
  spec.attention = attention;
  spec.layers = 2;
  spec.heads = 2;
  spec.training.max_steps = 8;
  spec.training.learning_rate = 1e-3;
  spec.training.max_length = 64;
  spec.training.train_examples = 300;
  spec.seed = 1;
  spec.device = "cpu";
  return spec;
}

class Trials : public testing::Test {
 protected:
  void SetUp() override {
    SPARSWEEP_NEEDS(TestModel("bert-tiny"));
    SPARSWEEP_NEEDS(Catalog::DefaultFolder() / "tasks" / "sentences3k.json");
  }

  // One runner for the whole program: what is resident is what a worker's trainer has.
  static TrialRunner& Runner(PathChoice path = PathChoice::kAuto) {
    static TrialRunner runners[2] = {
        TrialRunner({Catalog::DefaultFolder(), 1, PathChoice::kAuto}),
        TrialRunner({Catalog::DefaultFolder(), 1, PathChoice::kMasked})};
    return runners[path == PathChoice::kMasked];
  }
  std::variant<TrialResult, Failure> Run(TrialSpec spec, PathChoice path = PathChoice::kAuto) {
    Status filled = Runner(path).FillFingerprints(&spec);
    EXPECT_TRUE(filled.ok()) << filled.message();
    watcher_ = Watcher();
    return Runner(path).Run(spec, "attempt", watcher_);
  }
  TrialResult Succeed(const TrialSpec& spec, PathChoice path = PathChoice::kAuto) {
    auto outcome = Run(spec, path);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      ADD_FAILURE() << failure->message;
      return {};
    }
    return std::get<TrialResult>(outcome);
  }
  // "reason: message"
  std::string Fail(const TrialSpec& spec) {
    auto outcome = Run(spec);
    auto* failure = std::get_if<Failure>(&outcome);
    return failure ? FailureReasonName(failure->reason) + (": " + failure->message) : "none";
  }
  Watcher watcher_;
};

TEST_F(Trials, SelfEverywhereWithClsIsAConstantClass) {
  TrialResult result = Succeed(SmallTrial("self"));
  Examples examples = ReadExamples(SmallTrial("self").task, Catalog::DefaultFolder()).value();
  double ones = 0;
  for (const Example& example : examples.dev) ones += example.label;
  double share = ones / double(examples.dev.size());
  EXPECT_TRUE(result.value == share ||
              result.value == double(examples.dev.size() - ones) / double(examples.dev.size()))
      << result.value << " of " << share;
  EXPECT_EQ(result.metrics["matthews"], 0);
  EXPECT_LT(result.density, 0.2);
}

TEST_F(Trials, GlobalInTheLastLayerAloneEqualsDenseToTheLastDigit) {
  TrialResult dense = Succeed(SmallTrial("dense"), PathChoice::kMasked);
  std::vector<double> losses = watcher_.losses;
  TrialResult sparse = Succeed(SmallTrial("layer 1: global(1)"), PathChoice::kMasked);
  EXPECT_EQ(watcher_.losses, losses);
  EXPECT_EQ(sparse.metrics, dense.metrics);
  EXPECT_LT(sparse.density, dense.density);
  EXPECT_EQ(dense.masks[0].path, "masked");
}

TEST_F(Trials, ATrialRepeatedGivesTheSameNumbersToTheLastDigit) {
  TrialSpec spec = SmallTrial("layer 0: random(2) + window(1)");
  spec.mask_seed = 4;
  TrialResult first = Succeed(spec);
  std::vector<double> losses = watcher_.losses;
  TrialResult again = Succeed(spec);
  EXPECT_EQ(watcher_.losses, losses);
  EXPECT_EQ(again.metrics, first.metrics);
  EXPECT_EQ(again.attestation_root, first.attestation_root);
  TrialRunner fresh({Catalog::DefaultFolder(), 1});
  ASSERT_TRUE(fresh.FillFingerprints(&spec).ok());
  Watcher watcher;
  auto afresh = fresh.Run(spec, "another attempt", watcher);
  EXPECT_EQ(watcher.losses, losses) << "nothing resident matters";
  EXPECT_EQ(std::get<TrialResult>(afresh).attestation_root, first.attestation_root);
}

TEST_F(Trials, FreePathsGiveEqualLogitsForEqualWeights) {
  auto checkpoint = LoadCheckpoint(TestModel("bert-tiny").string()).value();
  TokenizedSplit split;
  BertOptions options;
  for (int i = 0; i < 200; ++i) options.vocabulary.push_back(i * 7);
  for (int length : {5, 12, 12, 3}) {
    for (int i = 0; i < length; ++i) split.ids.push_back((length * 13 + i * 29) % 200);
    split.begin.push_back(static_cast<int64_t>(split.ids.size()));
    split.labels.push_back(0);
  }
  split.types.assign(split.ids.size(), 0);
  options.max_length = 16;
  options.head.seed = 9;
  MaskCache cache;
  std::vector<at::Tensor> logits, embedded;
  std::vector<std::vector<at::Tensor>> weights;
  for (const char* attention : {"dense", "layer 1: global(1)", "layer 0: window(1)"}) {
    Plan plan = Plan::Resolve(attention, {2, 2, 16}).value();
    auto masks = MaskPlan::Make(plan, {}, {3, 5, 12}, cache).value();
    Bert model(*checkpoint, options, *masks);
    std::vector<at::Tensor> initial;
    for (const Parameter& parameter : model.parameters())
      initial.push_back(parameter.value.detach());
    weights.push_back(initial);
    Batch batch = MakeBatch(split, {0, 1, 2, 3}, at::kCPU);
    AttentionBatch lengths(batch.lengths, batch.padded);
    logits.push_back(model.Logits(batch, lengths, Pass{}).detach());
    std::vector<at::Tensor> states;
    model.Logits(batch, lengths, Pass{9, 5, DropoutStream::Threshold(0.1)}, &states);
    embedded.push_back(states[0].detach());
  }
  EXPECT_LT((logits[0] - logits[1]).abs().max().item<double>(), 1e-5);
  EXPECT_GT((logits[0] - logits[2]).abs().max().item<double>(), 1e-5) << "a mask that matters";
  for (int other : {1, 2}) {  // no attention path consumes another stream
    EXPECT_TRUE(at::equal(embedded[0], embedded[other]));
    ASSERT_EQ(weights[0].size(), weights[other].size());
    for (size_t i = 0; i < weights[0].size(); ++i) {
      EXPECT_TRUE(at::equal(weights[0][i], weights[other][i]));
    }
  }
}

TEST_F(Trials, ReportsWhatRan) {
  TrialSpec spec = SmallTrial("heads 1: window(2)");
  spec.training.pooling = "mean";
  TrialResult result = Succeed(spec);
  EXPECT_EQ(watcher_.phases,
            (std::vector<std::string>{"check", "load", "tokenize", "plan", "attest", "train"}));
  EXPECT_EQ(watcher_.losses.size(), 8u);
  EXPECT_EQ(watcher_.evaluations.size(), 1u);
  EXPECT_EQ(result.metric, "accuracy");
  EXPECT_EQ(result.value, result.metrics["accuracy"]);
  EXPECT_EQ(result.steps, 8);
  EXPECT_EQ(result.train_examples, 300);
  EXPECT_EQ(result.masks.size(), 4u);
  EXPECT_EQ(result.attestation_root.size(), 64u);
  int64_t examples = 0, entries = 0;
  for (auto [length, count] : result.lengths) {
    examples += count;
    entries += count * length * length;
  }
  EXPECT_EQ(examples, result.train_examples + result.eval_examples);
  EXPECT_EQ(result.masks[0].kept, entries);
  EXPECT_LT(result.masks[1].kept, entries);
  EXPECT_GT(result.peak_bytes, 10 << 20);
  EXPECT_LT(result.density_padded, result.density);
  EXPECT_TRUE(result.device.starts_with("cpu: ")) << result.device;
}

TEST_F(Trials, AreRefusedWhenTheyCannotRunAsSpecified) {
  TrialSpec spec = SmallTrial("dense");
  spec.model_fingerprint = std::string(64, 'a');
  EXPECT_NE(Fail(spec).find("refused: the model files of this machine have fingerprint "),
            std::string::npos);
  spec = SmallTrial("dense");
  spec.data_fingerprint = std::string(64, 'b');
  EXPECT_NE(Fail(spec).find("refused: the data files of this machine have fingerprint "),
            std::string::npos);
  spec = SmallTrial("dense");
  spec.device = "cuda";
  if (!at::hasCUDA()) {
    EXPECT_NE(Fail(spec).find("refused: device \"cuda\" was asked for and this trainer has none"),
              std::string::npos);
  }
  spec = SmallTrial("dense");
  spec.training.max_length = 600;
  EXPECT_EQ(Fail(spec), "refused: max_length 600 exceeds the 512 positions of model \"bert-tiny\"");
  spec = SmallTrial("dense");
  spec.layers = 3;
  EXPECT_EQ(Fail(spec),
            "refused: model \"bert-tiny\" has 2 layers x 2 heads, the trial wants 3 x 2");
}

// What verify asks of a machine that could not have trained the trial.
TEST_F(Trials, AreExpectedOnAnyDeviceInAnyPrecision) {
  TrialSpec spec = SmallTrial("random(2, each=example)");
  spec.mask_seed = 0;
  const TrialResult result = Succeed(spec);
  ASSERT_TRUE(Runner().FillFingerprints(&spec).ok());
  spec.device = "cuda";
  spec.training.precision = "bfloat16";
  Resident resident{Catalog::DefaultFolder()};
  const auto expected = ExpectResult(spec, result, {Catalog::DefaultFolder()}, resident);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  EXPECT_EQ(expected->attestation_root, result.attestation_root);
  EXPECT_EQ(expected->masks, result.masks);
}

TEST_F(Trials, AreRefusedWhereTheWorkerOffersAnotherDevice) {
  TrainerOptions options{Catalog::DefaultFolder()};
  options.device = "cpu";
  TrialSpec spec = SmallTrial("dense");
  spec.device = "cuda";
  auto outcome = TrialRunner(options).Run(spec, "attempt", watcher_);
  auto* failure = std::get_if<Failure>(&outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->reason, FailureReason::kRefused);
  EXPECT_EQ(failure->message, "device \"cuda\" was asked for and this worker offers \"cpu\" only");
}

TEST_F(Trials, EndEarlyWithAReason) {
  TrialSpec spec = SmallTrial("dense");
  spec.training.learning_rate = 1e30;
  spec.training.warmup = 0;
  EXPECT_TRUE(Fail(spec).starts_with("diverged: the ")) << Fail(spec);

  TempFolder folder;
  spec = SmallTrial("dense");
  spec.task.files = {{"train", {folder.Write("rows.tsv", "text\tclass\nfine\t1\nbad\t7\n")}}};
  spec.task.format = "tsv";
  EXPECT_EQ(Fail(spec),
            "data: " + (folder.path() / "rows.tsv").string() + ":3: label \"7\" is none of: 0, 1");

  spec = SmallTrial("dense");
  ASSERT_TRUE(Runner().FillFingerprints(&spec).ok());
  Watcher watcher;
  watcher.cancel_after = 3;
  auto outcome = Runner().Run(spec, "a", watcher);
  EXPECT_EQ(std::get<Failure>(outcome).reason, FailureReason::kInterrupted);
  EXPECT_EQ(watcher.losses.size(), 3u);
}

// A model folder with one file changed.
class BrokenModel : public Trials {
 protected:
  void SetUp() override {
    Trials::SetUp();
    if (IsSkipped()) return;
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
      std::filesystem::create_symlink(TestModel("bert-tiny") / name, folder_.path() / name);
    }
  }
  std::string Read(const std::string& name) {
    std::stringstream text;
    text << std::ifstream(folder_.path() / name, std::ios::binary).rdbuf();
    return text.str();
  }
  // How a trial of the model ends once `name` holds `bytes`; "DIR" stands for the folder.
  std::string With(const std::string& name, const std::string& bytes) {
    std::filesystem::remove(folder_.path() / name);
    folder_.Write(name, bytes);
    TrialSpec spec = SmallTrial("dense");
    spec.model = folder_.path().string();
    std::string text = Fail(spec);
    for (size_t at; (at = text.find(spec.model)) != std::string::npos;)
      text.replace(at, spec.model.size(), "DIR");
    return text;
  }
  std::string Replace(std::string text, const std::string& from, const std::string& to) {
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  TempFolder folder_;
};

TEST_F(BrokenModel, CutWeights) {
  std::string cut = Read("model.safetensors");
  cut.resize(cut.size() - 10);
  std::string text = With("model.safetensors", cut);
  EXPECT_TRUE(text.starts_with("refused: DIR/model.safetensors: not a usable safetensors file: \""))
      << text;
  EXPECT_NE(text.find("reaches beyond the end of the file; download or save it again"),
            std::string::npos);
}

TEST_F(BrokenModel, AnotherArchitecture) {
  std::string config = Replace(Read("config.json"), "\"bert\"", "\"gpt2\"");
  EXPECT_EQ(With("config.json", config),
            "refused: DIR/config.json: model_type is \"gpt2\"; this trainer has \"bert\" and "
            "\"roberta\" only");
}

TEST_F(BrokenModel, ShapesThatDoNotFit) {
  std::string config =
      Replace(Read("config.json"), "\"intermediate_size\": 512", "\"intermediate_size\": 256");
  std::string text = With("config.json", config);
  EXPECT_NE(
      text.find("intermediate.dense.weight\" has shape [512, 128], config.json says [256, 128]"),
      std::string::npos)
      << text;
}

TEST_F(BrokenModel, VocabularyLargerThanTheEmbeddings) {
  std::string other =
      Replace(Read("tokenizer.json"), "\"[PAD]\": 0", "\"[PAD]\": 0, \"sparsweepx\": 30522");
  EXPECT_EQ(With("tokenizer.json", other),
            "refused: model \"DIR\": its tokenizer has 30523 tokens, its word embeddings 30522; "
            "both must be of one model");
}

TEST_F(BrokenModel, NotATokenizer) {
  std::string text = With("tokenizer.json", "{}");
  EXPECT_TRUE(text.starts_with("refused: DIR/tokenizer.json: ")) << text;
}

}  // namespace
}  // namespace sparsweep
