// docs/sweep-file.md against the code: the table of `training` and the examples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/json.h"
#include "core/sweep_spec.h"
#include "core/training_fields.h"

namespace sparsweep {
namespace {

std::string Docs() {
  std::ifstream in(SPARSWEEP_SOURCE_DIR "/docs/sweep-file.md");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// First column -> all columns, of every table row.
std::map<std::string, std::vector<std::string>> Rows() {
  std::map<std::string, std::vector<std::string>> rows;
  std::istringstream lines(Docs());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> columns;
    std::istringstream cells(line.substr(2));
    for (std::string cell; std::getline(cells, cell, '|');) {
      const size_t last = cell.find_last_not_of(' ');
      const size_t first = cell.find_first_not_of(' ');
      columns.push_back(last == std::string::npos ? "" : cell.substr(first, last + 1 - first));
    }
    rows.emplace(columns[0], columns);
  }
  return rows;
}

TEST(SweepDocs, GiveTypeDefaultAndRangeOfEveryTrainingField) {
  const auto rows = Rows();
  size_t listed = 0;
  for (const auto& [name, columns] : rows) listed += name.starts_with("`training.");
  EXPECT_EQ(listed, TrainingFields().size());
  for (const TrainingField& field : TrainingFields()) {
    const auto row = rows.find(std::string("`training.") + field.name + "`");
    ASSERT_NE(row, rows.end()) << field.name;
    const AxisValue value = GetTrainingField(field, TrainingOptions());
    const bool choice = field.choice != nullptr;
    const bool whole = field.whole != nullptr || field.only_whole;
    EXPECT_EQ(row->second[1], choice ? "string" : whole ? "whole number" : "number") << field.name;
    EXPECT_EQ(row->second[2], choice ? "`" + AxisValueText(value) + "`" : AxisValueText(value));
    for (const std::string& valid : field.choices) {
      EXPECT_NE(row->second[3].find("`" + valid + "`"), std::string::npos) << valid;
    }
    if (!choice) {
      std::istringstream range(row->second[3]);
      std::string low, to, high;
      range >> low >> to >> high;
      if (high == "below") range >> high;
      EXPECT_EQ(std::stod(low), field.low) << field.name;
      EXPECT_EQ(std::stod(high), field.high) << field.name;
    }
  }
}

TEST(SweepDocs, ListEveryFieldThatASweepHas) {
  const auto rows = Rows();
  SweepSpec spec;
  spec.name = spec.model = "x";
  spec.task = "t";
  const auto json = nlohmann::json::parse(SweepSpecToJson(spec));
  for (const auto& [name, value] : json.items())
    EXPECT_TRUE(rows.contains("`" + name + "`")) << name;
  // Those that are written only where they say something.
  for (const char* name : {"weight", "max_running", "needs", "time_limit", "idle_limit",
                           "max_failed_share", "fresh", "keep", "threads", "profile", "infer",
                           "select"}) {
    EXPECT_TRUE(rows.contains("`" + std::string(name) + "`")) << name;
  }
}

TEST(SweepDocs, BeginWithASweepFileThatIsOne) {
  const std::string docs = Docs();
  const size_t begin = docs.find("```jsonc\n") + 9;
  const Result<SweepSpec> spec =
      ParseSweepSpec(docs.substr(begin, docs.find("```", begin) - begin));
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->axes.size(), 4u);
}

}  // namespace
}  // namespace sparsweep
