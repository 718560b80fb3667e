// What the view trial_spec puts together from stored parts is what TrialSpecToJson says, byte for byte,
// for every trial of a grid.
#include "server/loop/spec_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/grid.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;

// All trials of the spec as JSON, by identity.
std::map<std::string, std::string> Expected(const std::string& fields) {
  FakeResolver resolver;
  Grid grid = Grid::Make(ParseSweepSpec(SweepFile(fields)).value(), resolver).value();
  std::map<std::string, std::string> specs;
  for (uint64_t index = 0; index < grid.end_index(); ++index) {
    const std::optional<Cell> cell = grid.At(index).value();
    if (!cell) continue;
    for (const TrialSpec& trial : cell->trials) specs[trial.identity] = TrialSpecToJson(trial);
  }
  return specs;
}

std::map<std::string, std::string> Stored(Database& db) {
  std::map<std::string, std::string> specs;
  Statement read = db.Prepare(
      "SELECT t.identity, s.spec FROM trial t JOIN trial_spec s ON s.trial_id = t.id");
  while (read.Step()) specs[read.Text(0)] = read.Text(1);
  return specs;
}

constexpr char kGrid[] =
    R"j("attention": "$scope: window($w) + random($r)",
        "axes": {"scope": ["all", "layer 0"], "w": [0, 1, 3], "r": [0, 2], "learning_rate": [1e-5, 0.0003],
                 "epochs": [1, 2], "precision": ["float32", "bfloat16"], "accumulate": [1, 4],
                 "freeze": ["none", "embeddings"], "init": ["pretrained", "random"]},
        "seeds": [1, 77], "mask_seeds": [0, 9])j";

TEST(SpecParts, MakeTheSpecificationsOfTheTrials) {
  const TempFolder folder;
  TestServer server(folder / "a.db");
  const auto created = Create(*server.api, kGrid);
  ASSERT_TRUE(created.ok()) << created.status().message();
  Expanded(*server.api, created->name());
  const auto db = OpenForReading(folder / "a.db").value();
  const auto expected = Expected(kGrid);
  EXPECT_GT(expected.size(), 2000u);
  EXPECT_EQ(Stored(*db), expected);
  // One for each value of `init`, from which more follows than a field of `training`.
  EXPECT_THAT(Rows(*server.api, "SELECT trials FROM common_spec"),
              ElementsAre(std::to_string(expected.size() / 2), std::to_string(expected.size() / 2)));
}

TEST(SpecParts, OfKindsThatMeasureAreWholeToo) {
  constexpr char kInfer[] = R"j("kind": "infer", "infer": {"lengths": [16, 32], "batch_sizes": [1]},
      "attention": "window($w)", "axes": {"w": [1, 2], "max_length": [32, 64]}, "seeds": 1)j";
  const TempFolder folder;
  TestServer server(folder / "a.db");
  const auto created = Create(*server.api, kInfer);
  ASSERT_TRUE(created.ok()) << created.status().message();
  Expanded(*server.api, created->name());
  EXPECT_EQ(Stored(*OpenForReading(folder / "a.db").value()), Expected(kInfer));
}

}  // namespace
}  // namespace sparsweep
