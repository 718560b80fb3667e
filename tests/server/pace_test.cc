// The pace that a sweep's remaining time is guessed from.
#include <gtest/gtest.h>

#include "server/store/reads.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

// A sweep of which only attempts and their ends are there, in milliseconds since some epoch.
class PaceTest : public ::testing::Test {
 protected:
  void Ran(int64_t from, int64_t to) {
    const std::string trial = std::to_string(++trials_);
    Execute("INSERT INTO trial (id, identity, state, common_id, canonical, seed) VALUES (" +
            trial + ", '" + std::string(64, 'a') + "', 'succeeded', 1, 'dense', 0)");
    Execute("INSERT INTO attempt (trial_id, number, worker, incarnation, state, started_at) "
                "VALUES (" + trial + ", 1, 'w', 'i', 'succeeded', " + std::to_string(from) + ")");
    Execute("INSERT INTO event (at, type, sweep_id, trial_id, state) VALUES (" +
                std::to_string(to) + ", 'trial', 1, " + trial + ", 'succeeded')");
  }
  double SecondsPerTrial(int64_t now) { return ReadPace(file_->db(), 1, now).seconds_per_trial; }

 private:
  void Execute(const std::string& sql) { file_->db().Execute(sql.c_str()); }

  TempFolder folder_;
  std::unique_ptr<StoreFile> file_ = *StoreFile::Open(folder_ / "a.db");
  int trials_ = 0;
};

TEST_F(PaceTest, IsUnknownBeforeATrialHasEnded) { EXPECT_EQ(SecondsPerTrial(1000), 0); }

TEST_F(PaceTest, TrialsSideBySideShareTheirTime) {
  Ran(0, 10'000);
  Ran(0, 12'000);
  Ran(10'000, 22'000);
  Ran(12'000, 24'000);
  EXPECT_DOUBLE_EQ(SecondsPerTrial(25'000), 24.0 / 4);
}

TEST_F(PaceTest, HoursInWhichNothingRanDoNotCount) {
  Ran(0, 10'000);
  Ran(36'000'000, 36'010'000);
  EXPECT_DOUBLE_EQ(SecondsPerTrial(36'020'000), 10);
}

}  // namespace
}  // namespace sparsweep
