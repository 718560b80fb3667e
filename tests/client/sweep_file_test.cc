#include "client/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sparsweep {
namespace {

using ::testing::HasSubstr;

// A sweep file in a folder of its own, removed afterwards.
struct File {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sweep_file_test." + std::to_string(getpid()));
  explicit File(const std::string& text) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "sweep.json") << text;
  }
  ~File() { std::filesystem::remove_all(folder); }
  std::string path() const { return (folder / "sweep.json").string(); }
};

TEST(SweepFile, RelativePathsStartInItsFolder) {
  const File file(R"({"name": "x", "model": "models/mine", "task": {"files": {"train": "a.tsv",
      "dev": "/data/b.tsv"}, "format": "tsv", "columns": {"text": "t", "label": "l"},
      "labels": ["0", "1"]}})");
  const Result<SweepSpec> spec = LoadSweepFile(file.path());
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->model, (file.folder / "models/mine").string());
  const auto& task = std::get<TaskSpec>(spec->task);
  EXPECT_EQ(task.files.at("train")[0], (file.folder / "a.tsv").string());
  EXPECT_EQ(task.files.at("dev")[0], "/data/b.tsv");
}

TEST(SweepFile, RegisteredNamesStayNames) {
  const File file(R"({"name": "x", "model": "bert-tiny", "task": "sentiment"})");
  const Result<SweepSpec> spec = LoadSweepFile(file.path());
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->model, "bert-tiny");
  EXPECT_EQ(std::get<std::string>(spec->task), "sentiment");
}

TEST(SweepFile, PathsOnAxesAreMadeAbsoluteToo) {
  const File file(R"({"name": "x", "model": "m", "task": "t", "axes": {"model": ["m", "./n"]}})");
  const Result<SweepSpec> spec = LoadSweepFile(file.path());
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(std::get<std::string>(spec->axes[0].values[0]), "m");
  EXPECT_EQ(std::get<std::string>(spec->axes[0].values[1]), (file.folder / "n").string());
}

TEST(SweepFile, ErrorsNameTheFile) {
  EXPECT_EQ(LoadSweepFile("/nonexistent/s.json").status().message(),
            "cannot read the sweep file /nonexistent/s.json; check the path");
  const File file("{\"name\": \"x\",\n \"model\" \"m\"}");
  const std::string message = LoadSweepFile(file.path()).status().message();
  EXPECT_THAT(message, HasSubstr(file.path() + ": "));
  EXPECT_THAT(message, HasSubstr("line 2"));
}

}  // namespace
}  // namespace sparsweep
