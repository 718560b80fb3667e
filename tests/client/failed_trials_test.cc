#include "client/failed_trials.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

v1::Trial Failed(const std::string& name, const std::string& reason, const std::string& message) {
  v1::Trial trial;
  trial.set_name(name);
  trial.set_canonical("window(3)");
  trial.set_seed(2);
  trial.set_reason(reason);
  trial.set_message(message);
  return trial;
}

v1::Cell CellOf(int64_t number, double w, const std::string& trial) {
  v1::Cell cell;
  cell.set_cell(number);
  (*cell.mutable_axes()->mutable_fields())["w"].set_number_value(w);
  cell.add_trials(trial);
  return cell;
}

TEST(FailedTrials, SayWhichCellAndSeedAndWhatTheReasonMeans) {
  EXPECT_EQ(FailedTrialsText({Failed("trials/7", "diverged", "loss is nan at step 3")},
                             {CellOf(1, 2, "trials/6"), CellOf(4, 3, "trials/7")}, {"w"}),
            "  trials/7  cell 4, w = 3: window(3), seed 2\n"
            "      diverged: loss is nan at step 3\n"
            "  diverged: the loss was no finite number any more: a lower learning_rate\n");
}

TEST(FailedTrials, OneOfSeveralCellsNamesThemAll) {
  v1::Trial trial = Failed("trials/7", "timeout", "");
  trial.set_mask_seed(1);
  v1::Cell baseline = CellOf(5, 9, "trials/8");
  baseline.add_trials("trials/7");
  baseline.set_baseline(true);
  baseline.clear_axes();
  EXPECT_EQ(FailedTrialsText({trial}, {baseline, CellOf(6, 100, "trials/7")}, {"w"}),
            "  trials/7  cells 5, 6, baseline: window(3), seed 2, mask seed 1\n"
            "      timeout\n"
            "  timeout: it took longer than time_limit, or made no step for idle_limit\n");
}

TEST(FailedTrials, ASentenceStandsOnceForManyTrials) {
  const std::string text = FailedTrialsText(
      {Failed("trials/1", "lost", ""), Failed("trials/2", "lost", "")}, {}, {});
  EXPECT_EQ(text,
            "  trials/1  window(3), seed 2\n      lost\n"
            "  trials/2  window(3), seed 2\n      lost\n"
            "  lost: its worker was not heard of any more, each time it was tried\n");
}

}  // namespace
}  // namespace sparsweep
