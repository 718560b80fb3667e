#include "server/services/statistics_cache.h"

#include <set>
#include <string>
#include <utility>

#include "core/grid.h"

namespace sparsweep {
namespace {

// Results of one cell that may be compared with results of another: on which device and how many
// threads each seed ran.
using Environments = std::map<uint64_t, std::set<std::pair<std::string, int64_t>>>;

std::shared_ptr<const CellStatistics> StatisticsOf(std::vector<CellRow> cells,
                                                   const std::optional<SelectRule>& rule) {
  std::vector<Measurement> measurements, of_test;
  std::map<uint64_t, uint64_t> baseline_of;
  std::map<uint64_t, Environments> environments;
  for (const CellRow& cell : cells) {
    const auto index = static_cast<uint64_t>(cell.cell);
    for (const CellTrialRow& trial : cell.trials) {
      if (!trial.value) continue;
      const uint64_t mask_seed = trial.mask_seed.value_or(0);
      measurements.push_back({index, trial.seed, mask_seed, *trial.value});
      if (trial.test_value) of_test.push_back({index, trial.seed, mask_seed, *trial.test_value});
      environments[index][trial.seed].insert({trial.device, trial.threads});
    }
    if (!cell.is_baseline && !cell.alias_of && cell.baseline_cell) {
      baseline_of[index] = static_cast<uint64_t>(*cell.baseline_cell);
    }
  }
  auto made = std::make_shared<CellStatistics>();
  CellStatistics& statistics = *made;
  statistics.summaries = Summarize(measurements);
  statistics.test_summaries = Summarize(of_test);
  // Pairs that mix devices or threads are left out.
  std::map<uint64_t, CellSummary> comparable = statistics.summaries;
  if (rule) {  // what was chosen on dev is compared by what it does on test, where there is one
    statistics.cells = std::move(cells);
    statistics.selected.emplace(*rule, statistics.cells, statistics.summaries);
    baseline_of = statistics.selected->BaselineOf();
    if (!of_test.empty()) comparable = statistics.test_summaries;
  }
  for (const auto& [cell, baseline] : baseline_of) {
    const auto summary = comparable.find(cell);
    if (summary == comparable.end()) continue;
    const Environments& of_baseline = environments[baseline];
    std::erase_if(summary->second.by_seed, [&, cell = cell](const auto& entry) {
      const auto other = of_baseline.find(entry.first);
      if (other == of_baseline.end()) return true;  // no pair
      const bool mixed = environments[cell][entry.first] != other->second;
      statistics.left_out[cell] += mixed;
      return mixed;
    });
  }
  for (CellComparison& comparison : CompareCells(comparable, baseline_of)) {
    const uint64_t cell = comparison.cell;
    statistics.comparisons.emplace(cell, std::move(comparison));
  }
  return made;
}

int64_t LastEvent(Database& db, SweepId sweep) {
  Statement read = db.Prepare("SELECT coalesce(max(id), 0) FROM event WHERE sweep_id = ?1");
  read.Bind(sweep);
  read.Step();
  return read.Int(0);
}

}  // namespace

std::shared_ptr<const CellStatistics> StatisticsCache::Of(Database& db, const SweepRow& sweep) {
  const int64_t last_event = LastEvent(db, sweep.id);
  {
    const std::lock_guard lock(mutex_);
    if (sweep_ == sweep.id && revision_ == sweep.revision && last_event_ == last_event) {
      return statistics_;
    }
  }
  const Result<SweepSpec> spec = ParseSweepSpec(sweep.spec_json);
  auto made = StatisticsOf(ReadCells(db, sweep.id, -1, static_cast<int64_t>(kMaxCells) * 2),
                           spec.ok() ? spec->select : std::nullopt);
  const std::lock_guard lock(mutex_);
  sweep_ = sweep.id;
  revision_ = sweep.revision;
  last_event_ = last_event;
  return statistics_ = std::move(made);
}

}  // namespace sparsweep
