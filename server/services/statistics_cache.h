// Statistics of all cells of a sweep, kept until something happens to it: a page of its cells costs
// what the page costs. The corrections need the family of all cells, so there is no smaller part.
//
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/statistics.h"
#include "server/services/selection.h"
#include "server/store/reads.h"

namespace sparsweep {

struct CellStatistics {
  std::vector<CellRow> cells;  // that `selected` speaks of; none without it
  std::map<uint64_t, CellSummary> summaries, test_summaries;  // of dev, of test
  std::optional<SelectedCells> selected;
  std::map<uint64_t, CellComparison> comparisons;
  std::map<uint64_t, int> left_out;  // pairs per cell
};

class StatisticsCache {
 public:
  // As the open transaction of `db` sees the sweep.
  std::shared_ptr<const CellStatistics> Of(Database& db, const SweepRow& sweep);

 private:
  // Of the sweep that was asked for last. Whatever changes a value, a state or an interest is an event.
  std::mutex mutex_;
  SweepId sweep_ = 0;                                 // by mutex_, as are all
  int64_t revision_ = 0, last_event_ = 0;
  std::shared_ptr<const CellStatistics> statistics_;
};

}  // namespace sparsweep
