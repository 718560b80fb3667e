// training.select: of the cells that differ only in what is selected over, the one that is best on
// dev (docs/sweep-file.md, Selection). The column `selected` of v_cells says the same. Pure: any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/statistics.h"
#include "core/sweep_spec.h"
#include "server/store/reads.h"

namespace sparsweep {

class SelectedCells {
 public:
  // `dev`: summaries of the values on dev, by cell.
  SelectedCells(const SelectRule& rule, const std::vector<CellRow>& cells,
                const std::map<uint64_t, CellSummary>& dev);

  bool Has(uint64_t cell) const;
  // Each selected cell that is no baseline and no alias -> the baseline that was selected for it.
  std::map<uint64_t, uint64_t> BaselineOf() const;

 private:
  // Cells that differ only in what is selected over; baselines for themselves.
  struct Group {
    std::vector<const CellRow*> cells;
    const CellRow* best = nullptr;
  };
  std::string KeyOf(const CellRow& cell) const;

  SelectRule rule_;
  std::map<std::string, Group> groups_;
  std::map<int64_t, const CellRow*> by_number_;
};

}  // namespace sparsweep
