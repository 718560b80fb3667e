#include "server/services/selection.h"

#include <algorithm>

#include "core/json.h"

namespace sparsweep {
namespace {

bool IsOpen(const CellRow& cell) {
  return std::ranges::any_of(cell.trials, [](const CellTrialRow& trial) {
    return trial.state == TrialState::kQueued || trial.state == TrialState::kRunning;
  });
}

// A cell with a failed trial is no candidate: its mean is over fewer seeds than the others'.
bool IsWhole(const CellRow& cell) {
  return std::ranges::all_of(cell.trials,
                             [](const CellTrialRow& trial) { return trial.value.has_value(); });
}

}  // namespace

SelectedCells::SelectedCells(const SelectRule& rule, const std::vector<CellRow>& cells,
                             const std::map<uint64_t, CellSummary>& dev)
    : rule_(rule) {
  for (const CellRow& cell : cells) {
    groups_[KeyOf(cell)].cells.push_back(&cell);
    by_number_[cell.cell] = &cell;
  }
  for (auto& [key, group] : groups_) {
    if (std::ranges::any_of(group.cells, [](const CellRow* cell) { return IsOpen(*cell); })) {
      continue;  // nothing is chosen before all of them have ended
    }
    double best = 0;
    for (const CellRow* cell : group.cells) {
      const auto summary = dev.find(static_cast<uint64_t>(cell->cell));
      if (summary == dev.end() || !IsWhole(*cell)) continue;
      const double sign = LowerIsBetter(cell->trials.front().metric) ? -1 : 1;
      const double value = sign * summary->second.mean;
      if (group.best == nullptr || value > best) {
        group.best = cell;
        best = value;
      }
    }
  }
}

std::string SelectedCells::KeyOf(const CellRow& cell) const {
  std::string key = cell.is_baseline ? "baseline" : "cell";
  const auto axes = ParseJson(cell.axes_json, "axes");
  if (!axes.ok() || !axes->is_object()) return key;
  for (const auto& [name, value] : axes->items()) {
    if (std::ranges::find(rule_.over, name) == rule_.over.end()) {
      key += "\n" + name + "=" + value.dump();
    }
  }
  return key;
}

bool SelectedCells::Has(uint64_t cell) const {
  const auto found = by_number_.find(static_cast<int64_t>(cell));
  if (found == by_number_.end()) return false;
  return groups_.at(KeyOf(*found->second)).best == found->second;
}

std::map<uint64_t, uint64_t> SelectedCells::BaselineOf() const {
  std::map<uint64_t, uint64_t> baselines;
  for (const auto& [key, group] : groups_) {
    const CellRow* cell = group.best;
    if (cell == nullptr || cell->is_baseline || cell->alias_of || !cell->baseline_cell) continue;
    const auto own = by_number_.find(*cell->baseline_cell);
    if (own == by_number_.end()) continue;
    const CellRow* selected = groups_.at(KeyOf(*own->second)).best;
    if (selected == nullptr) continue;
    baselines[static_cast<uint64_t>(cell->cell)] = static_cast<uint64_t>(selected->cell);
  }
  return baselines;
}

}  // namespace sparsweep
