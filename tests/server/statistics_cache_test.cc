// Statistics of a sweep's cells are computed once for each thing that happens to it.
#include "server/services/statistics_cache.h"

#include <gtest/gtest.h>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

constexpr char kCells[] = R"j("attention": "window($w)", "axes": {"w": [1, 2]}, "seeds": 1, "baseline": "none")j";

TEST(StatisticsCache, HoldsUntilSomethingHappensToTheSweep) {
  const TempFolder folder;
  TestServer server(folder / "a.db");
  Expanded(*server.api, Create(*server.api, kCells)->name());
  const auto db = OpenForReading(folder / "a.db").value();
  StatisticsCache cache;
  const auto now = [&] {
    return ReaderPool::ReadNow<std::shared_ptr<const CellStatistics>>(
               *db, [&](Database& rows) -> Result<std::shared_ptr<const CellStatistics>> {
                 return cache.Of(rows, *ReadSweep(rows, 1));
               })
        .value();
  };
  FakeWorker worker(*server.api, "w", 1);
  ASSERT_TRUE(worker.Sync().ok());
  const auto before = now();
  EXPECT_TRUE(before->summaries.empty());
  EXPECT_EQ(now(), before);
  ASSERT_TRUE(worker.FinishAll(0.75).ok());
  const auto after = now();
  ASSERT_EQ(after->summaries.size(), 1u);
  EXPECT_EQ(after->summaries.begin()->second.mean, 0.75);
  EXPECT_EQ(now(), after);
  // Another sweep's events are not this one's.
  Expanded(*server.api, Create(*server.api, R"j("attention": "window(9)", "seeds": 1)j")->name());
  EXPECT_EQ(now(), after);
}

}  // namespace
}  // namespace sparsweep
