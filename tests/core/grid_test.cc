// Grids: numbering, baselines, aliases, seeds, parameters as axes, and what is refused.
#include "core/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>

#include "core/identity.h"
#include "tests/core/fake_resolver.h"

namespace sparsweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GridTest : public testing::Test {
 protected:
  // The cells of a sweep file with `rest` after name, model and task.
  std::vector<Cell> Cells(const std::string& rest) {
    Result<Grid> grid = MakeGrid(SweepFile(rest), resolver_);
    if (!grid.ok()) {
      ADD_FAILURE() << grid.status().message();
      return {};
    }
    Status error;
    std::vector<Cell> cells = AllCells(*grid, &error);
    EXPECT_TRUE(error.ok()) << error.message();
    return cells;
  }
  FieldViolation Refusal(const std::string& rest) {
    const Result<Grid> grid = MakeGrid(SweepFile(rest), resolver_);
    if (grid.ok()) return {"", "was accepted"};
    EXPECT_EQ(grid.status().fields().size(), 1u) << grid.status().message();
    return grid.status().fields().empty() ? FieldViolation{} : grid.status().fields()[0];
  }
  static std::vector<std::string> Canonicals(const std::vector<Cell>& cells) {
    std::vector<std::string> texts;
    for (const Cell& cell : cells) texts.push_back(cell.canonical);
    return texts;
  }
  static std::vector<uint64_t> Indices(const std::vector<Cell>& cells) {
    std::vector<uint64_t> indices;
    for (const Cell& cell : cells) indices.push_back(cell.index);
    return indices;
  }

  FakeResolver resolver_;
};

TEST_F(GridTest, WithoutAxesHasExactlyOneBaselineCell) {
  const std::vector<Cell> cells = Cells("");
  ASSERT_EQ(cells.size(), 1u);
  EXPECT_EQ(cells[0].index, 0u);
  EXPECT_TRUE(cells[0].is_baseline);
  EXPECT_EQ(cells[0].axes_json, "{}");
  EXPECT_EQ(cells[0].canonical, "dense");
  EXPECT_EQ(cells[0].trials.size(), 3u);
  EXPECT_FALSE(cells[0].alias_of.has_value());
}

TEST_F(GridTest, WithoutAxesASparseTemplateGetsItsBaseline) {
  const std::vector<Cell> cells = Cells(R"j("attention": "window(2)")j");
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_FALSE(cells[0].is_baseline);
  EXPECT_EQ(cells[0].baseline_index, 1u);
  EXPECT_TRUE(cells[1].is_baseline);
  EXPECT_EQ(cells[1].attention, "dense");
}

TEST_F(GridTest, CountsWithTheLastAxisFastestInTheOrderOfTheNames) {
  const std::vector<Cell> cells = Cells(
      R"j("attention": "$z: window($a)", "axes": {"z": ["all", "last 1"], "a": [1, 2, 3]}, "seeds": 1)j");
  ASSERT_EQ(cells.size(), 7u);
  EXPECT_THAT(Indices(cells), ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(cells[0].axes_json, R"j({"a":1,"z":"all"})j");
  EXPECT_EQ(cells[1].axes_json, R"j({"a":1,"z":"last 1"})j");
  EXPECT_EQ(cells[2].axes_json, R"j({"a":2,"z":"all"})j");
  EXPECT_EQ(cells[1].attention, "last 1: window(1)");
  EXPECT_EQ(cells[1].canonical, "layers 1: window(1)");
  EXPECT_EQ(cells[6].axes_json, R"j({"a":null,"z":null})j");
  EXPECT_TRUE(cells[6].is_baseline);
  for (const Cell& cell : cells) EXPECT_EQ(cell.baseline_index, 6u);
}

TEST_F(GridTest, ADenseCellOfTheGridIsTheBaselineAndNoneIsAdded) {
  const std::vector<Cell> cells =
      Cells(R"j("attention": "window($w)", "axes": {"w": [1, 500, 127, 128]}, "seeds": 1)j");
  // max_length 128: 127, 128 and 500 reach everywhere.
  EXPECT_THAT(Canonicals(cells), ElementsAre("window(1)", "dense", "dense", "dense"));
  EXPECT_FALSE(cells[0].is_baseline);
  EXPECT_TRUE(cells[1].is_baseline);
  EXPECT_FALSE(cells[2].is_baseline);
  EXPECT_EQ(cells[2].alias_of, std::optional<uint64_t>(1));
  EXPECT_EQ(cells[3].alias_of, std::optional<uint64_t>(1));
  EXPECT_EQ(cells[0].baseline_index, 1u);
}

TEST_F(GridTest, TheDenseCellMustSurviveWhereToBeTheBaseline) {
  const std::vector<Cell> cells =
      Cells(R"j("attention": "window($w)", "axes": {"w": [500, 1]}, "where": ["w < 100"])j");
  EXPECT_THAT(Indices(cells), ElementsAre(1, 2));
  EXPECT_TRUE(cells[1].is_baseline);
  EXPECT_EQ(cells[1].axes_json, R"j({"w":null})j");
}

TEST_F(GridTest, EachKeptCombinationOfTheOtherAxesHasItsBaseline) {
  const std::vector<Cell> cells = Cells(
      R"j("attention": "window($w)", "axes": {"w": [1, 2], "learning_rate": [1e-5, 3e-5, 5e-5]},
         "where": ["learning_rate < 5e-5"], "seeds": [4])j");
  EXPECT_THAT(Indices(cells), ElementsAre(0, 1, 2, 3, 6, 7));
  EXPECT_EQ(cells[4].axes_json, R"j({"learning_rate":0.00001,"w":null})j");
  EXPECT_EQ(cells[0].baseline_index, 6u);
  EXPECT_EQ(cells[2].baseline_index, 7u);
  EXPECT_EQ(cells[5].trials[0].training.learning_rate, 3e-5);
  EXPECT_EQ(cells[5].trials[0].attention, "dense");
  EXPECT_NE(cells[4].trials[0].identity, cells[5].trials[0].identity);
}

TEST_F(GridTest, WithoutBaselineNothingIsAdded) {
  const std::vector<Cell> cells =
      Cells(R"j("attention": "window($w)", "axes": {"w": [1, 500]}, "baseline": "none")j");
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_FALSE(cells[0].is_baseline);
  EXPECT_FALSE(cells[1].is_baseline);
}

TEST_F(GridTest, EqualPlansAreOneTrialWithTwoNames) {
  const std::vector<Cell> cells = Cells(
      R"j("attention": "random($r) + window($w)", "axes": {"r": [0], "w": [3]},
         "baseline": "none", "seeds": 2)j");
  const std::vector<Cell> plain =
      Cells(R"j("attention": "window(3)", "baseline": "none", "seeds": 2)j");
  EXPECT_EQ(cells[0].attention, "random(0) + window(3)");
  EXPECT_EQ(cells[0].canonical, "window(3)");
  EXPECT_EQ(cells[0].trials[0].identity, plain[0].trials[0].identity);

  const std::vector<Cell> both = Cells(
      R"j("attention": "$p", "axes": {"p": ["random(0) + window(3)", "window(3)"]}, "seeds": 2)j");
  EXPECT_EQ(both[1].alias_of, std::optional<uint64_t>(0));
  EXPECT_EQ(both[1].trials[1].identity, both[0].trials[1].identity);
}

TEST_F(GridTest, CellsThatDifferInAParameterWithoutEffectAreAliases) {
  const std::vector<Cell> cells =
      Cells(R"j("axes": {"epochs": [1, 2]}, "training": {"max_steps": 10}, "seeds": 1)j");
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_EQ(cells[1].alias_of, std::optional<uint64_t>(0));
}

TEST_F(GridTest, MaskSeedsMultiplyOnlyCellsThatDraw) {
  const std::vector<Cell> cells = Cells(
      R"j("attention": "random($r) + window(1)", "axes": {"r": [0, 2]}, "seeds": [5, 6],
         "mask_seeds": [7, 8, 9], "baseline": "none")j");
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_EQ(cells[0].trials.size(), 2u);
  EXPECT_FALSE(cells[0].trials[0].mask_seed.has_value());
  ASSERT_EQ(cells[1].trials.size(), 6u);
  EXPECT_EQ(cells[1].trials[0].seed, 5u);
  EXPECT_EQ(cells[1].trials[0].mask_seed, std::optional<uint64_t>(7));
  EXPECT_EQ(cells[1].trials[2].mask_seed, std::optional<uint64_t>(9));
  EXPECT_EQ(cells[1].trials[3].seed, 6u);
}

TEST_F(GridTest, ATrialCarriesAllThatATrainerNeeds) {
  const std::vector<Cell> cells = Cells(
      R"j("attention": "window(1)", "device": "cpu", "seeds": [3],
         "training": {"batch_size": 8, "pooling": "mean"})j");
  const TrialSpec& trial = cells[0].trials[0];
  EXPECT_EQ(trial.kind, "finetune");
  EXPECT_EQ(trial.model, "tiny");
  EXPECT_EQ(trial.model_fingerprint, std::string(64, 'a'));
  EXPECT_EQ(trial.task.columns.at("text"), "sentence");
  EXPECT_EQ(trial.data_fingerprint, std::string(64, 'c'));
  EXPECT_EQ(trial.attention, "window(1)");
  EXPECT_EQ(trial.layers, 2);
  EXPECT_EQ(trial.heads, 2);
  EXPECT_EQ(trial.training.batch_size, 8);
  EXPECT_EQ(trial.training.pooling, "mean");
  EXPECT_EQ(trial.seed, 3u);
  EXPECT_EQ(trial.device, "cpu");
  EXPECT_EQ(trial.identity, TrialIdentity(trial));
}

TEST_F(GridTest, ModelTaskAndTrainingScalarsMayBeAxes) {
  Result<Grid> grid = MakeGrid(
      R"j({"name": "n", "attention": "last 1: self", "seeds": 1, "axes": {"model": ["tiny", "mini"],
          "task": ["toy", "other"], "max_length": [16, 32], "pooling": ["cls", "mean"]}})j",
      resolver_);
  ASSERT_TRUE(grid.ok()) << grid.status().message();
  EXPECT_EQ(grid->combinations(), 16u);
  EXPECT_EQ(grid->end_index(), 32u);
  const std::vector<Cell> cells = AllCells(*grid);
  ASSERT_EQ(cells.size(), 32u);
  // max_length, model, pooling, task: index 7 is 16, mini, mean, other.
  EXPECT_EQ(cells[7].axes_json,
            R"j({"max_length":16,"model":"mini","pooling":"mean","task":"other"})j");
  EXPECT_EQ(cells[7].canonical, "layers 5: self");
  EXPECT_EQ(cells[7].trials[0].heads, 12);
  EXPECT_EQ(cells[7].trials[0].data_fingerprint, std::string(64, 'd'));
  EXPECT_EQ(cells[7].trials[0].training.max_length, 16);
  EXPECT_EQ(cells[7].baseline_index, 16u + 7u);
}

TEST_F(GridTest, AnyCellComesAgainAfterARestart) {
  const std::string file = SweepFile(
      R"j("attention": "$l: window($w)", "axes": {"l": ["all", "last 1", "layer 1"], "w": [1, 500, 2],
         "epochs": [1, 2]}, "where": ["w != 2 or epochs == 1"], "seeds": 1)j");
  Result<Grid> whole = MakeGrid(file, resolver_);
  const std::vector<Cell> cells = AllCells(*whole);
  ASSERT_GT(cells.size(), 10u);
  for (const Cell& cell : cells) {
    Result<Grid> fresh = MakeGrid(file, resolver_);
    const Result<std::optional<Cell>> again = fresh->At(cell.index);
    ASSERT_TRUE(again.ok() && again->has_value());
    EXPECT_EQ((*again)->axes_json, cell.axes_json);
    EXPECT_EQ((*again)->alias_of, cell.alias_of);
    EXPECT_EQ((*again)->is_baseline, cell.is_baseline);
    EXPECT_EQ((*again)->baseline_index, cell.baseline_index);
    EXPECT_EQ((*again)->trials[0].identity, cell.trials[0].identity);
    EXPECT_EQ((*whole->At(cell.index))->alias_of, cell.alias_of);  // going back
  }
  EXPECT_FALSE(whole->At(whole->end_index())->has_value());
}

TEST_F(GridTest, ShowsAxesByFirstUseThenByName) {
  const Result<Grid> grid = MakeGrid(
      SweepFile(R"j("attention": "$z: window($b) + global($a)", "axes": {"a": [1], "b": [2],
                   "z": ["last 1"], "warmup": [0.5], "clip": [1]})j"),
      resolver_);
  EXPECT_THAT(grid->display_order(), ElementsAre("z", "b", "a", "clip", "warmup"));
  EXPECT_EQ(
      AxesLabel(R"j({"a":1,"b":2,"clip":1,"warmup":0.5,"z":"last 1"})j", grid->display_order()),
      "z=last 1 b=2 a=1 clip=1 warmup=0.5");
  EXPECT_EQ(AxesLabel(R"j({"b":null,"z":null})j", grid->display_order()), "baseline");
}

TEST_F(GridTest, RefusesAWhereThatExcludesEverything) {
  const FieldViolation violation =
      Refusal(R"j("attention": "window($w)", "axes": {"w": [1, 2]}, "where": ["w > 5"])j");
  EXPECT_EQ(violation.field, "where");
  EXPECT_THAT(violation.description, HasSubstr("excludes every one of the 2 combinations"));
}

TEST_F(GridTest, RefusesAWhereThatDoesNotFitTheValues) {
  const FieldViolation violation =
      Refusal(R"j("attention": "window($w)", "axes": {"w": [1, "x"]}, "where": ["w > 0"])j");
  EXPECT_EQ(violation.field, "where[0]");
  EXPECT_THAT(violation.description, HasSubstr("cannot be compared"));
}

TEST_F(GridTest, RefusesPlansThatDoNotResolveAndNamesTheAxisValue) {
  EXPECT_EQ(Refusal(R"j("attention": "window($w)", "axes": {"w": [1, 3.5]})j").field, "axes.w[1]");
  EXPECT_THAT(Refusal(R"j("attention": "window($w)", "axes": {"w": [1, 3.5]})j").description,
              HasSubstr("3.5 is not a whole number"));
  EXPECT_EQ(Refusal(R"j("attention": "$l: self", "axes": {"l": ["all", "layer 2"]})j").field,
            "axes.l[1]");
  EXPECT_EQ(Refusal(R"j("attention": "heads 0-2: self")j").field, "attention");
  EXPECT_THAT(Refusal(R"j("attention": "windw(3)")j").description,
              HasSubstr("did you mean \"window\"?"));
  EXPECT_EQ(Refusal(R"j("attention": "blockbert($p)", "axes": {"p": ["1:1", "2:1"]})j").field,
            "axes.p[1]");
}

TEST_F(GridTest, DoesNotMindAnIllegalPlanThatWhereExcludes) {
  const std::vector<Cell> cells = Cells(
      R"j("attention": "$l: self", "axes": {"l": ["all", "last 4"], "model": ["tiny", "mini"]},
         "where": ["l == 'all' or model == 'mini'"], "seeds": 1)j");
  EXPECT_EQ(cells.size(), 3u + 2u);
}

TEST_F(GridTest, FindsABadValueInAGridTooLargeToCheckAtOnce) {
  std::string values = "[1";
  for (int i = 2; i <= 200; ++i) values += "," + std::to_string(i);
  const FieldViolation violation =
      Refusal(R"j("attention": "window($w) + random($r)", "axes": {"r": )j" + values +
              "], \"w\": " + values + R"j(, "x"], "batch_size": [1, 2]})j");
  EXPECT_EQ(violation.field, "axes.w[200]");
}

TEST_F(GridTest, RefusesNamesThatDoNotResolve) {
  const Result<Grid> grid =
      MakeGrid(R"j({"name": "n", "model": "none", "task": "toy"})j", resolver_);
  EXPECT_EQ(grid.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(grid.status().fields()[0].field, "model");
  const Result<Grid> axis =
      MakeGrid(R"j({"name": "n", "model": "tiny", "axes": {"task": ["toy", "none"]}})j", resolver_);
  EXPECT_EQ(axis.status().fields()[0].field, "axes.task[1]");
}

TEST_F(GridTest, RefusesAMaxLengthAboveTheModelsPositions) {
  EXPECT_EQ(Refusal(R"j("training": {"max_length": 513})j").field, "training.max_length");
  const FieldViolation violation = Refusal(R"j("axes": {"max_length": [64, 1024]})j");
  EXPECT_EQ(violation.field, "axes.max_length[1]");
  EXPECT_THAT(violation.description, HasSubstr("1024 is more than the 512 positions"));
}

TEST_F(GridTest, RefusesASpecThatNoSweepFileCouldSay) {
  SweepSpec spec = *ParseSweepSpec(SweepFile(""));
  spec.seeds.clear();
  EXPECT_FALSE(Grid::Make(spec, resolver_).ok());
}

// Brute force: for random grids, what At says of baselines and aliases is what comparing all
// identities says.
TEST_F(GridTest, BaselinesAndAliasesAgreeWithBruteForce) {
  const std::vector<std::string> wheres = {"",
                                           "w != 1",
                                           "w == 500 or epochs == 2",
                                           "epochs == 1 or l != 'all'",
                                           "w < 500",
                                           "not (w == 500 and l == 'all')"};
  for (const std::string& where : wheres) {
    for (const char* steps : {"0", "5"}) {
      const std::vector<Cell> cells = Cells(
          R"j("attention": "$l: window($w)", "axes": {"epochs": [1, 2], "l": ["all", "last 1", "layers 0-1"],
             "w": [0, 1, 500]}, "seeds": 1, "training": {"max_steps": )j" +
          std::string(steps) + "}, \"where\": [" + (where.empty() ? "" : "\"" + where + "\"") +
          "]");
      std::map<std::string, uint64_t> first;
      std::map<double, std::vector<const Cell*>> by_epochs;
      for (const Cell& cell : cells) {
        const auto [it, is_new] = first.emplace(cell.trials[0].identity, cell.index);
        EXPECT_EQ(cell.alias_of.has_value(), !is_new) << where << cell.axes_json;
        EXPECT_EQ(cell.alias_of.value_or(cell.index), it->second);
        by_epochs[cell.trials[0].training.epochs].push_back(&cell);
      }
      for (const auto& [epochs, group] : by_epochs) {
        std::set<uint64_t> dense;
        for (const Cell* cell : group) {
          if (cell->canonical == "dense") dense.insert(cell->index);
        }
        ASSERT_FALSE(dense.empty());
        for (const Cell* cell : group) {
          EXPECT_EQ(cell->baseline_index, *dense.begin()) << where;
          EXPECT_EQ(cell->is_baseline, cell->index == *dense.begin());
        }
        const bool added = group.back()->axes_json.find("null") != std::string::npos;
        EXPECT_EQ(added, dense.size() == 1 && *dense.begin() == group.back()->index) << where;
      }
    }
  }
}

TEST_F(GridTest, TheQuickstartIsElevenCellsAndTwentyTwoTrials) {
  class Quickstart : public FakeResolver {
   public:
    Result<ResolvedModel> Model(const std::string& name) override {
      return name == "bert-tiny" ? FakeResolver::Model("tiny") : FakeResolver::Model(name);
    }
    Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) override {
      return task == std::variant<std::string, TaskSpec>("sentences3k") ? FakeResolver::Task("toy")
                                                                        : FakeResolver::Task(task);
    }
  } resolver;
  std::ifstream in(SPARSWEEP_SOURCE_DIR "/sweeps/quickstart.json");
  std::ostringstream text;
  text << in.rdbuf();
  Result<Grid> grid = MakeGrid(text.str(), resolver);
  ASSERT_TRUE(grid.ok()) << grid.status().message();
  const std::vector<Cell> cells = AllCells(*grid);
  std::vector<std::string> written;
  std::set<std::string> identities;
  for (const Cell& cell : cells) {
    written.push_back(cell.attention);
    for (const TrialSpec& trial : cell.trials) identities.insert(trial.identity);
    EXPECT_EQ(cell.baseline_index, 0u);
    EXPECT_FALSE(cell.alias_of.has_value());
  }
  EXPECT_THAT(written,
              ElementsAre("all: dense", "all: self", "all: window(1)", "all: window(3)",
                          "all: random(2, draw=plan)", "all: random(6, draw=plan)",
                          "all: global(1)", "all: global(1) + window(1) + random(1, draw=plan)",
                          "last 1: self", "last 1: window(1)", "last 1: random(2, draw=plan)"));
  EXPECT_EQ(identities.size(), 22u);
  EXPECT_TRUE(cells[0].is_baseline);
  const TrainingOptions expected = {2,    0, 32,  64,     1e-3,      0.1, "linear",
                                    0.01, 1, 0.1, "mean", "float32", 0};
  EXPECT_TRUE(cells[0].trials[0].training == expected);
  EXPECT_THAT(grid->spec().seeds, ElementsAre(1, 2));
}

}  // namespace
}  // namespace sparsweep
