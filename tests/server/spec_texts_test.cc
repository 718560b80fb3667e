// What is put together from pieces is what TrialSpecToJson says, for every trial of a grid.
#include "server/loop/spec_texts.h"

#include <gtest/gtest.h>

#include "core/grid.h"
#include "tests/core/fake_resolver.h"

namespace sparsweep {
namespace {

TEST(SpecTexts, AreThoseOfTheTrials) {
  FakeResolver resolver;
  const Result<SweepSpec> spec = ParseSweepSpec(SweepFile(
      R"j("attention": "$scope: window($w) + random($r)",
          "axes": {"scope": ["all", "layer 0"], "w": [0, 1, 3], "r": [0, 2],
                   "learning_rate": [1e-5, 0.0003], "epochs": [1, 2], "precision": ["float32", "bfloat16"]},
          "seeds": [1, 77], "mask_seeds": [0, 9])j"));
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  Result<Grid> grid = Grid::Make(*spec, resolver);
  ASSERT_TRUE(grid.ok()) << grid.status().message();
  SpecTexts texts(grid->spec());
  int trials = 0;
  for (uint64_t index = 0; index < grid->end_index(); ++index) {
    const auto cell = grid->At(index);
    ASSERT_TRUE(cell.ok());
    if (!*cell) continue;
    for (const TrialSpec& trial : (*cell)->trials) {
      ASSERT_EQ(texts.Of(index, trial), TrialSpecToJson(trial));
      ++trials;
    }
  }
  EXPECT_GT(trials, 200);
}

}  // namespace
}  // namespace sparsweep
