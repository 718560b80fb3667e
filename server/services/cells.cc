// ListCells: the cells of a sweep with their statistics over seeds (core/statistics.h).
#include <map>
#include <set>

#include "core/json.h"
#include "core/plan.h"
#include "core/warnings.h"
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/services/statistics_cache.h"

namespace sparsweep {
namespace {

template <typename Field>
std::optional<double> MeanOf(const CellRow& cell, Field CellTrialRow::*field) {
  std::vector<double> values;
  for (const CellTrialRow& trial : cell.trials) {
    if (trial.*field) values.push_back(*(trial.*field));
  }
  if (values.empty()) return std::nullopt;
  return Mean(values);
}

// The warnings about a cell and of all its results, each once, in the order of the trials.
void AddWarnings(const CellRow& row, v1::Cell* cell) {
  std::set<std::string> known;
  // Which rules became dense its trials cannot say: they know the canonical plan alone.
  if (row.attention != row.canonical && !row.trials.empty()) {
    const auto written = Plan::Resolve(row.attention, row.trials.front().context);
    if (written.ok()) {
      for (const std::string& warning : DenseRuleWarnings(*written)) cell->add_warnings(warning);
    }
  }
  for (const CellTrialRow& trial : row.trials) {
    if (trial.warnings_json.empty() || trial.warnings_json == "[]") continue;
    const auto parsed = ParseJson(trial.warnings_json, "warnings");
    if (!parsed.ok() || !parsed->is_array()) continue;  // of another version: not worth an error
    for (const auto& warning : *parsed) {
      if (warning.is_string() && known.insert(warning.get<std::string>()).second) {
        cell->add_warnings(warning.get<std::string>());
      }
    }
  }
}

v1::Cell MakeCell(const CellRow& row, const CellStatistics& statistics) {
  v1::Cell cell;
  cell.set_cell(row.cell);
  *cell.mutable_axes() = StructFromJson(row.axes_json);
  cell.set_attention(row.attention);
  cell.set_canonical(row.canonical);
  cell.set_baseline(row.is_baseline);
  if (row.alias_of) cell.set_alias_of(*row.alias_of);
  std::set<SweepId> origins;
  for (const CellTrialRow& trial : row.trials) {
    cell.add_trials(TrialName(trial.trial));
    cell.set_succeeded(cell.succeeded() + (trial.state == TrialState::kSucceeded));
    cell.set_failed(cell.failed() + (trial.state == TrialState::kFailed));
    cell.set_running(cell.running() + (trial.state == TrialState::kRunning));
    const bool ended = trial.state != TrialState::kQueued && trial.state != TrialState::kRunning;
    cell.set_paused(cell.paused() + (trial.wish == Wish::kPaused && !ended));
    cell.set_cancelled(cell.cancelled() + (trial.state == TrialState::kCancelled ||
                                           (trial.wish == Wish::kDropped && !ended)));
    if (trial.origin != 0) origins.insert(trial.origin);
    if (!trial.metric.empty()) cell.set_metric(trial.metric);
  }
  for (const SweepId origin : origins) cell.add_origins(SweepName(origin));
  if (const auto density = MeanOf(row, &CellTrialRow::density)) cell.set_density(*density);
  if (const auto seconds = MeanOf(row, &CellTrialRow::train_seconds)) {
    cell.set_train_seconds(*seconds);
  }
  const auto index = static_cast<uint64_t>(row.cell);
  if (const auto found = statistics.summaries.find(index); found != statistics.summaries.end()) {
    const CellSummary& summary = found->second;
    cell.set_mean(summary.mean);
    if (summary.deviation) cell.set_stddev(*summary.deviation);
    cell.set_n(static_cast<int32_t>(summary.by_seed.size()));
  }
  if (const auto found = statistics.test_summaries.find(index);
      found != statistics.test_summaries.end()) {
    cell.set_test_mean(found->second.mean);
    if (found->second.deviation) cell.set_test_stddev(*found->second.deviation);
  }
  if (statistics.selected && statistics.selected->Has(index)) {
    cell.set_selected(true);
    if (!cell.has_test_mean()) cell.set_selection_note("selected on the reported split");
  }
  AddWarnings(row, &cell);
  // An alias is compared under the name of the cell it repeats.
  const uint64_t named = row.alias_of ? static_cast<uint64_t>(*row.alias_of) : index;
  if (const auto left = statistics.left_out.find(named);
      left != statistics.left_out.end() && !row.is_baseline) {
    cell.set_left_out(left->second);
  }
  const auto compared = statistics.comparisons.find(named);
  if (compared != statistics.comparisons.end() && !row.is_baseline) {
    const CellComparison& comparison = compared->second;
    cell.set_difference(comparison.difference.mean);
    if (comparison.difference.low) cell.set_difference_low(*comparison.difference.low);
    if (comparison.difference.high) cell.set_difference_high(*comparison.difference.high);
    if (comparison.difference.smallest_detectable) {
      cell.set_smallest_detectable(*comparison.difference.smallest_detectable);
    }
    if (comparison.difference.p) cell.set_p_value(*comparison.difference.p);
    if (comparison.p_holm) cell.set_p_holm(*comparison.p_holm);
    if (comparison.p_benjamini_hochberg) cell.set_p_bh(*comparison.p_benjamini_hochberg);
  }
  return cell;
}

}  // namespace

void LocalApi::ListCells(const v1::ListCellsRequest& request,
                         Reply<v1::ListCellsResponse> reply) {
  const Result<SweepId> sweep = ParseSweepName(request.parent(), "parent");
  if (!sweep.ok()) return reply(sweep.status());
  const Result<int64_t> size = PageSize(request.page_size(), 100, 1000);
  if (!size.ok()) return reply(size.status());
  // The token is the first cell of the page.
  const Result<int64_t> first = ParsePageToken(request.page_token(), 0);
  if (!first.ok()) return reply(first.status());
  parts_.readers.Read<v1::ListCellsResponse>(
      [statistics = &statistics_, sweep = *sweep, size = *size,
       first = *first](Database& db) -> Result<v1::ListCellsResponse> {
        const std::optional<SweepRow> stored = ReadSweep(db, sweep);
        if (!stored) return NoSweep(sweep);
        const auto known = statistics->Of(db, *stored);
        // One more than the page: where the next one begins.
        const std::vector<CellRow> cells = ReadCells(db, sweep, first - 1, size + 1);
        v1::ListCellsResponse response;
        for (const CellRow& row : cells) {
          if (response.cells_size() == size) {
            response.set_next_page_token(std::to_string(row.cell));
            break;
          }
          *response.add_cells() = MakeCell(row, *known);
        }
        return response;
      },
      std::move(reply));
}

}  // namespace sparsweep
