// Weights that are kept: what a folder holds, and that this trainer reads it back to the same
// logits. That transformers does is in transformers_test.cc.
#include "trainer/export.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/kept_folder.h"
#include "tests/trainer/architectures.h"
#include "tests/trainer/tiny.h"
#include "trainer/grow_command.h"
#include "trainer/safetensors.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json ReadJson(const fs::path& path) { return json::parse(std::ifstream(path)); }

TrialSpec Spec() {
  TrialSpec spec;
  spec.task.labels = {"bad", "good"};
  spec.keep = "last";
  return spec;
}

// A trained model of either architecture and its optimizer, and the folder it is written to.
class Export : public testing::TestWithParam<bool> {
 protected:
  bool roberta() const { return GetParam(); }
  void SetUp() override {
    training_.checkpoint = SmallModel(roberta(), folder_);
    training_.model_options.vocabulary = {0};
    for (int id = 5; training_.model_options.vocabulary.size() < kTinyVocabulary; id += 3) {
      training_.model_options.vocabulary.push_back(id);
    }
  }

  at::Tensor Logits(const Checkpoint& checkpoint, BertOptions options) {
    std::set<int> lengths;
    for (int length : training_.dev.lengths()) lengths.insert(length);
    Plan plan = Plan::Resolve("dense", {2, 2, kTinyLength}).value();
    masks_.push_back(MaskPlan::Make(plan, {}, lengths, cache_).value());
    options.head.trained = true;
    model_ = std::make_unique<Bert>(checkpoint, options, *masks_.back());
    return LogitsOf(*model_);
  }
  at::Tensor LogitsOf(const Bert& model) {
    std::vector<int64_t> examples = {0, 1, 2, 3, 4, 5};
    Batch batch = MakeBatch(training_.dev, examples, at::kCPU);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded);
    return model.Logits(batch, attention, Pass{}).detach();
  }

  // Trains on dense masks, writes the folder, and gives the logits of the trained model.
  at::Tensor TrainAndWrite(const fs::path& to) {
    std::set<int> lengths;
    for (int length : training_.dev.lengths()) lengths.insert(length);
    for (int length : training_.train.lengths()) lengths.insert(length);
    Plan plan = Plan::Resolve("dense", {2, 2, kTinyLength}).value();
    masks_.push_back(MaskPlan::Make(plan, {}, lengths, cache_).value());
    training_.model =
        std::make_unique<Bert>(*training_.checkpoint, training_.model_options, *masks_.back());
    training_.options.weight_decay = 0.5;  // so that it shows
    training_.request.save_when = TrainRequest::Save::kLast;
    training_.request.save = [&](const AdamW& optimizer) {
      decayed_ = optimizer.Decayed("embeddings.word_embeddings.weight");
      return WriteModel(training_.Model(), *training_.checkpoint, optimizer, Spec(), to);
    };
    training_.Run();
    return LogitsOf(training_.Model());
  }

  TempFolder folder_;
  TinyTraining training_;
  MaskCache cache_;
  std::vector<std::shared_ptr<const MaskPlan>> masks_;
  std::unique_ptr<Bert> model_;
  double decayed_ = 0;
};

TEST_P(Export, IsReadBackToTheSameLogits) {
  const fs::path out = folder_.path() / "kept";
  const at::Tensor trained = TrainAndWrite(out);
  auto checkpoint = LoadCheckpoint(out.string());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_TRUE(at::equal(Logits(**checkpoint, training_.model_options), trained));

  const json config = ReadJson(out / "config.json");
  EXPECT_EQ(config["architectures"][0],
            roberta() ? "RobertaForSequenceClassification" : "BertForSequenceClassification");
  EXPECT_EQ(config["id2label"]["1"], "good");
  EXPECT_EQ(ReadJson(out / "sparsweep.json")["made_by"], "trial");
}

// Rows that the data never used are what AdamW's decay would have left of them.
TEST_P(Export, DecaysRowsThatNothingReached) {
  const fs::path out = folder_.path() / "kept";
  TrainAndWrite(out);
  const std::string name = "embeddings.word_embeddings.weight";
  const at::Tensor before = training_.checkpoint->tensors.at(name);
  const at::Tensor after = LoadCheckpoint(out.string()).value()->tensors.at(name);
  EXPECT_LT(decayed_, 0.9999);
  EXPECT_TRUE(at::equal(after[6], before[6] * decayed_));
  EXPECT_FALSE(at::equal(after[5], before[5] * decayed_)) << "this row was trained";
}

TEST_P(Export, GivesTheSameBytesForTheSameTraining) {
  const fs::path out = folder_.path() / "kept", again = folder_.path() / "again";
  TrainAndWrite(out);
  training_.losses.clear();
  TrainAndWrite(again);
  HashCache hashes;
  EXPECT_EQ(ModelFingerprint(out, hashes).value(), ModelFingerprint(again, hashes).value());
}

INSTANTIATE_TEST_SUITE_P(Architectures, Export, testing::Bool(),
                         [](const auto& info) { return info.param ? "Roberta" : "Bert"; });

TEST(KeptModel, NamesItsFilesByDigestAndLeavesNothingUnfinished) {
  TempFolder root;
  const fs::path folder = KeptFolder(root.path(), "17.1"), dropped = root.path() / "dropped";
  for (const fs::path& path : {folder, dropped}) {
    fs::create_directories(path);
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
      std::ofstream(path / name) << "bytes of " << name;
    }
  }
  KeptCheckpoint kept;
  {
    KeptModel model(folder), unfinished(dropped);
    kept = model.Finish().value();
  }
  HashCache hashes;
  ASSERT_EQ(kept.files.size(), 3u);
  for (const auto& [name, digest] : kept.files) {
    EXPECT_EQ(hashes.FileSha256(folder / name).value(), digest);
  }
  EXPECT_EQ(kept.fingerprint, ModelFingerprint(folder, hashes).value());
  EXPECT_FALSE(fs::exists(dropped));
}

TEST(Grow, StacksOrRepeatsLayers) {
  EXPECT_EQ(GrownFrom(3, 6, "stack").value(), (std::vector<int>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(GrownFrom(3, 6, "repeat").value(), (std::vector<int>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(GrownFrom(2, 5, "stack").value(), (std::vector<int>{0, 1, 0, 1, 0}));
  EXPECT_EQ(GrownFrom(6, 6, "stack").status().message(),
            "--layers 6: the model has 6 already; ask for more");
}

TEST(Grow, WritesAModelThatLoadsAndSaysWhatItWasMadeFrom) {
  TempFolder folder;
  const fs::path out = folder.path() / "grown";
  ASSERT_TRUE(GrowModel(kGoldenRoberta, 4, "stack", out).ok());
  const auto small = LoadCheckpoint(kGoldenRoberta).value(),
             grown = LoadCheckpoint(out.string()).value();
  EXPECT_EQ(grown->config.layers, 4);
  for (const auto& [name, value] : small->tensors) {
    EXPECT_TRUE(at::equal(value, grown->tensors.at(name))) << name;
    const std::string first = "encoder.layer.1.";
    if (!name.starts_with(first)) continue;
    EXPECT_TRUE(at::equal(value, grown->tensors.at("encoder.layer.3." + name.substr(16)))) << name;
  }
  const json record = ReadJson(out / "sparsweep.json");
  HashCache hashes;
  EXPECT_EQ(record["made_from"]["fingerprint"], ModelFingerprint(kGoldenRoberta, hashes).value());
  EXPECT_EQ(record["layers"], json({0, 1, 0, 1}));
  const Status again = GrowModel(kGoldenRoberta, 4, "stack", out);
  EXPECT_EQ(again.message(), out.string() + ": is there already; choose a new folder");
}

}  // namespace
}  // namespace sparsweep
