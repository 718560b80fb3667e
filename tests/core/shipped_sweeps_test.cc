// Every sweep file in sweeps/ is legal for the models that it names, and says what it redraws.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/grid.h"
#include "core/sweep_spec.h"
#include "tests/core/fake_resolver.h"

namespace sparsweep {
namespace {

// The shapes of the public models that the files name; tasks by what their names end in.
class PublicModels : public FakeResolver {
 public:
  Result<ResolvedModel> Model(const std::string& name) override {
    static const std::map<std::string, std::array<int, 4>> shapes = {
        {"bert-tiny", {2, 2, 128, 512}},
        {"minilm-l6", {6, 12, 384, 512}},
        {"bert-base-uncased", {12, 12, 768, 512}},
        {"bert-base-uncased-1024", {12, 12, 768, 1024}}};
    const auto shape = shapes.find(name);
    if (shape == shapes.end()) {
      return Status(StatusCode::kNotFound, "model \"" + name + "\" is not there");
    }
    const auto [layers, heads, hidden, positions] = shape->second;
    return ResolvedModel{name,  "/models/" + name, std::string(64, 'a'), layers, heads, hidden,
                         30522, positions};
  }
  Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) override {
    if (!std::holds_alternative<std::string>(task)) return FakeResolver::Task(task);
    auto toy = FakeResolver::Task(std::string("toy"));
    const std::string& name = std::get<std::string>(task);
    if (name.ends_with("-mlm")) {
      toy->task.type = "mlm";
      toy->task.labels.clear();
    } else if (name.find("squad") != std::string::npos || name.ends_with("qa")) {
      toy->task.type = "qa";
      toy->task.labels.clear();
    }
    return toy;
  }
};

std::vector<std::filesystem::path> ShippedSweeps() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(SPARSWEEP_SOURCE_DIR "/sweeps")) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  return files;
}

std::string Text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

TEST(ShippedSweeps, ExpandToTheLastCell) {
  for (const auto& file : ShippedSweeps()) {
    SCOPED_TRACE(file);
    PublicModels resolver;
    auto grid = MakeGrid(Text(file), resolver);
    ASSERT_TRUE(grid.ok()) << grid.status().message();
    Status error;
    const auto cells = AllCells(*grid, &error);
    EXPECT_TRUE(error.ok()) << error.message();
    EXPECT_GT(cells.size(), 1u);
  }
}

TEST(ShippedSweeps, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const auto& file : ShippedSweeps()) {
    auto spec = ParseSweepSpec(Text(file));
    ASSERT_TRUE(spec.ok()) << file << ": " << spec.status().message();
    EXPECT_TRUE(names.insert(spec->name).second) << spec->name << " is there twice";
  }
}

TEST(ShippedSweeps, OfThePapersNameThemAndHaveASmallVariant) {
  int papers = 0;
  for (const auto& file : ShippedSweeps()) {
    if (file.parent_path().filename() == "sweeps") continue;
    SCOPED_TRACE(file);
    ++papers;
    const std::string head = Text(file).substr(0, 600);
    EXPECT_TRUE(head.starts_with("//"));
    EXPECT_NE(head.find("arXiv "), std::string::npos);
    EXPECT_NE(head.find("Redraws"), std::string::npos);
    std::filesystem::path other = file;
    const bool small = file.stem().extension() == ".small";
    other.replace_filename(small ? file.stem().stem().string() + ".json"
                                 : file.stem().string() + ".small.json");
    EXPECT_TRUE(std::filesystem::exists(other)) << other;
  }
  EXPECT_GE(papers, 20);
}

}  // namespace
}  // namespace sparsweep
