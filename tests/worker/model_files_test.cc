// Which files of weights a worker fetches before a trial.
#include "worker/model_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/trial_model.h"

namespace sparsweep {
namespace {

class ModelFiles : public testing::Test {
 protected:
  ~ModelFiles() override { std::filesystem::remove_all(data_); }
  static std::filesystem::path MakeFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sparsweep-test-XXXXXX").string();
    return mkdtemp(name.data());
  }
  const std::filesystem::path data_ = MakeFolder();
};

TEST_F(ModelFiles, AModelOfTheCatalogNeedsNone) {
  TrialSpec spec;
  spec.model = "bert-tiny";
  EXPECT_TRUE(MissingModelFiles(TrialSpecToJson(spec), data_).empty());
  EXPECT_EQ(ModelFolder(data_, spec), data_ / "models" / "bert-tiny");
}

TEST_F(ModelFiles, OfAModelThatATrialMadeTheAbsentOnes) {
  TrialSpec spec;
  spec.identity = std::string(64, '9');
  spec.task.files = {{"train", {"a.tsv"}}};
  spec.task.format = "tsv";
  spec.task.columns = {{"text", "text"}, {"label", "label"}};
  spec.task.labels = {"0", "1"};
  spec.task.split_dev = 0.5;
  spec.data_fingerprint = std::string(64, 'd');
  spec.attention = "dense";
  spec.layers = spec.heads = 2;
  spec.model = "trial:7";
  spec.model_fingerprint = std::string(64, 'f');
  spec.model_files = {{"config.json", std::string(64, '1')},
                      {"model.safetensors", std::string(64, '2')}};
  const auto folder = data_ / "cache" / "models" / spec.model_fingerprint;
  EXPECT_EQ(ModelFolder(data_, spec), folder);
  const std::string json = TrialSpecToJson(spec);
  ASSERT_TRUE(ParseTrialSpec(json).ok()) << ParseTrialSpec(json).status().message();
  EXPECT_EQ(MissingModelFiles(json, data_),
            (std::vector<BlobFile>{{std::string(64, '1'), folder / "config.json"},
                                   {std::string(64, '2'), folder / "model.safetensors"}}));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << "{}";
  EXPECT_EQ(MissingModelFiles(json, data_),
            (std::vector<BlobFile>{{std::string(64, '2'), folder / "model.safetensors"}}));
}

}  // namespace
}  // namespace sparsweep
