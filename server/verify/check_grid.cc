// The grid, expanded again, beside the stored cells: two lists in the order of cell numbers.
#include <algorithm>
#include <map>

#include "core/grid.h"
#include "server/verify/checks.h"
#include "server/verify/stored_resolver.h"

namespace sparsweep {
namespace {

struct StoredCell {
  int64_t cell = 0;
  bool is_baseline = false;
  std::optional<int64_t> alias_of, baseline_cell;
  std::string axes, attention, canonical;
};

struct StoredTrial {
  int64_t cell = 0;
  TrialId trial = 0;
  int64_t seed_rank = 0;
  std::string identity;
  int64_t layers = 0, heads = 0;
};

class GridCheck {
 public:
  GridCheck(Examination& examination, Grid& grid, uint64_t end)
      : x_(examination),
        grid_(grid),
        end_(end),
        cells_(x_.db.Prepare(
            "SELECT cell, is_baseline, alias_of, baseline_cell, axes, attention, canonical "
            "FROM cell WHERE sweep_id = ?1 ORDER BY cell")),
        trials_(x_.db.Prepare(
            "SELECT ct.cell, ct.trial_id, ct.seed_rank, t.identity, s.spec ->> '$.layers', "
            "s.spec ->> '$.heads' FROM cell_trial ct LEFT JOIN trial t ON t.id = ct.trial_id "
            "LEFT JOIN trial_spec s ON s.trial_id = ct.trial_id "
            "WHERE ct.sweep_id = ?1 ORDER BY ct.cell, ct.trial_id")) {
    cells_.Bind(x_.verdict.sweep);
    trials_.Bind(x_.verdict.sweep);
    NextCell();
    NextTrial();
  }

  void Run() {
    for (uint64_t index = 0; index < end_; ++index) {
      const Result<std::optional<Cell>> cell = grid_.At(index);
      if (!cell.ok()) {
        x_.Report("wrong_spec", static_cast<int64_t>(index), 0,
                  "the stored spec no longer makes this cell: " + cell.status().message());
        continue;
      }
      if (*cell) Compare(**cell);
    }
    ExtraBefore(std::nullopt);
  }

 private:
  void NextCell() {
    stored_.reset();
    if (!cells_.Step()) return;
    stored_ = StoredCell{cells_.Int(0),      cells_.Int(1) != 0, cells_.MaybeInt(2),
                         cells_.MaybeInt(3), cells_.Text(4),     cells_.Text(5),
                         cells_.Text(6)};
  }
  void NextTrial() {
    trial_.reset();
    if (!trials_.Step()) return;
    trial_ = StoredTrial{trials_.Int(0),  trials_.Int(1), trials_.Int(2),
                         trials_.Text(3), trials_.Int(4), trials_.Int(5)};
  }

  // What is stored below `cell` is not in the grid.
  void ExtraBefore(std::optional<int64_t> cell) {
    while (stored_ && (!cell || stored_->cell < *cell)) {
      x_.Report("extra_cell", stored_->cell, 0, "the grid has no such cell");
      NextCell();
    }
    while (trial_ && (!cell || trial_->cell < *cell)) {
      x_.Report("extra_trial", trial_->cell, trial_->trial, "the grid has no such cell");
      NextTrial();
    }
  }

  void Compare(const Cell& cell) {
    const auto index = static_cast<int64_t>(cell.index);
    ++x_.verdict.cells;
    x_.verdict.aliases += cell.alias_of.has_value();
    ExtraBefore(index);
    if (!stored_ || stored_->cell != index) {
      x_.Report("missing_cell", index, 0, "the grid has this cell and the database does not");
    } else {
      CompareCell(cell);
      NextCell();
    }
    CompareTrials(cell);
  }

  void CompareCell(const Cell& cell) {
    std::optional<uint64_t> baseline;
    if (grid_.spec().baseline != "none") baseline = cell.baseline_index;
    const auto differs = [&](const char* column, bool equal, const std::string& stored,
                             const std::string& expected) {
      if (equal) return;
      x_.Report("wrong_cell", stored_->cell, 0,
                std::string(column) + " is " + stored + "; the spec gives " + expected);
    };
    const auto number = [](const auto& value) {
      return value ? std::to_string(*value) : std::string("absent");
    };
    const auto same = [](const std::optional<int64_t>& a, const std::optional<uint64_t>& b) {
      return a.has_value() == b.has_value() && (!a || *a == static_cast<int64_t>(*b));
    };
    differs("is_baseline", stored_->is_baseline == cell.is_baseline,
            stored_->is_baseline ? "1" : "0", cell.is_baseline ? "1" : "0");
    differs("alias_of", same(stored_->alias_of, cell.alias_of), number(stored_->alias_of),
            number(cell.alias_of));
    differs("baseline_cell", same(stored_->baseline_cell, baseline), number(stored_->baseline_cell),
            number(baseline));
    differs("axes", stored_->axes == cell.axes_json, stored_->axes, cell.axes_json);
    differs("attention", stored_->attention == cell.attention, stored_->attention, cell.attention);
    differs("canonical", stored_->canonical == cell.canonical, stored_->canonical, cell.canonical);
  }

  void CompareTrials(const Cell& cell) {
    const auto index = static_cast<int64_t>(cell.index);
    std::map<std::string, StoredTrial> stored;  // by identity, of this cell
    for (; trial_ && trial_->cell == index; NextTrial()) {
      const auto [found, added] = stored.try_emplace(trial_->identity, *trial_);
      if (!added) {
        x_.Report("extra_trial", index, trial_->trial,
                  "trial " + std::to_string(found->second.trial) + " has the same identity");
      }
    }
    for (const TrialSpec& expected : cell.trials) {
      const auto found = stored.find(expected.identity);
      if (found == stored.end()) {
        x_.Report("missing_trial", index, 0,
                  "no trial of seed " + std::to_string(expected.seed) +
                      (expected.mask_seed ? ", mask seed " + std::to_string(*expected.mask_seed)
                                          : "") +
                      " (identity " + expected.identity + ")");
        continue;
      }
      CompareTrial(expected, found->second);
      stored.erase(found);
    }
    for (const auto& [identity, extra] : stored) {
      x_.Report("extra_trial", index, extra.trial,
                "the spec gives this cell no trial of identity " + identity);
    }
  }

  void CompareTrial(const TrialSpec& expected, const StoredTrial& stored) {
    const auto& seeds = grid_.spec().seeds;
    const auto rank = std::find(seeds.begin(), seeds.end(), expected.seed) - seeds.begin();
    if (rank != stored.seed_rank) {
      x_.Report("wrong_order", stored.cell, stored.trial,
                "seed_rank is " + std::to_string(stored.seed_rank) + "; the spec gives " +
                    std::to_string(rank));
    }
    if (stored.layers != expected.layers || stored.heads != expected.heads) {
      x_.Report("wrong_spec", stored.cell, stored.trial,
                "the trial's spec has " + std::to_string(stored.layers) + " layers of " +
                    std::to_string(stored.heads) + " heads; its model has " +
                    std::to_string(expected.layers) + " of " + std::to_string(expected.heads));
    }
  }

  Examination& x_;
  Grid& grid_;
  const uint64_t end_;
  Statement cells_, trials_;
  std::optional<StoredCell> stored_;
  std::optional<StoredTrial> trial_;
};

}  // namespace

void CheckGrid(Examination& examination, const SweepSpec& spec, std::optional<uint64_t> end) {
  if (end && *end == 0) {
    Statement any = examination.db.Prepare("SELECT count(*) FROM cell WHERE sweep_id = ?1");
    any.Bind(examination.verdict.sweep);
    any.Step();
    if (any.Int(0) > 0) {
      examination.Report("extra_cell", {}, 0,
                         std::to_string(any.Int(0)) + " cells of a grid that is not expanded");
    }
    return;
  }
  StoredResolver resolver(examination.db, examination.verdict.sweep, spec);
  Result<Grid> grid = Grid::Make(spec, resolver);
  if (!grid.ok()) {
    examination.Report("wrong_spec", {}, 0,
                       "the grid cannot be expanded from what is stored: " +
                           grid.status().message());
    return;
  }
  GridCheck(examination, *grid, std::min(end.value_or(~uint64_t{0}), grid->end_index())).Run();
}

}  // namespace sparsweep
