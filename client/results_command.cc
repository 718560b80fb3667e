// `sparsweep results`, and the table that `run` ends with.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/failed_trials.h"
#include "client/format.h"
#include "client/json_output.h"
#include "client/table.h"
#include "client/terminal.h"

namespace sparsweep {
namespace {

using Align = Table::Align;

Result<std::vector<v1::Cell>> AllCells(Service& service, const std::string& sweep) {
  std::vector<v1::Cell> cells;
  v1::ListCellsRequest request;
  request.set_parent(sweep);
  request.set_page_size(1000);
  do {
    Result<v1::ListCellsResponse> page =
        Call(service.sweeps(), &v1::SweepService::Stub::ListCells, request);
    if (!page.ok()) return page.status();
    for (v1::Cell& cell : *page->mutable_cells()) cells.push_back(std::move(cell));
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return cells;
}

std::string Axis(const v1::Cell& cell, const std::string& name) {
  const auto found = cell.axes().fields().find(name);
  return found == cell.axes().fields().end() ? "" : ValueText(found->second);
}

// What is to be said of cells, each sentence once and numbered, so that a row needs only a number.
class Footnotes {
 public:
  // The numbers of the notes on a cell, as "1,3".
  std::string Of(const v1::Cell& cell) {
    std::string out;
    for (const std::string& warning : cell.warnings()) Add(warning, &out);
    if (!cell.selection_note().empty()) Add(cell.selection_note(), &out);
    for (const std::string& origin : cell.origins()) {
      Add("results were run for " + origin + ", not again for this sweep", &out);
    }
    if (cell.left_out() > 0) {
      Add(fmt::format("{} left out of the difference: run on another device or with another number "
                      "of threads than the baseline's",
                      cell.left_out() == 1 ? "1 seed is"
                                           : fmt::format("{} seeds are", cell.left_out())),
          &out);
    }
    return out;
  }
  std::string Text() const {
    std::string out;
    for (size_t i = 0; i < sentences_.size(); ++i) {
      out += fmt::format("{:>3}  {}\n", i + 1, sentences_[i]);
    }
    return out;
  }
  bool empty() const { return sentences_.empty(); }

 private:
  void Add(const std::string& sentence, std::string* numbers) {
    auto at = std::find(sentences_.begin(), sentences_.end(), sentence);
    if (at == sentences_.end()) at = sentences_.insert(at, sentence);
    *numbers += (numbers->empty() ? "" : ",") + std::to_string(at - sentences_.begin() + 1);
  }
  std::vector<std::string> sentences_;
};

// Titles are those of the metric in percent where it is a share; differences then are in points.
std::string PeopleTable(const std::vector<v1::Cell>& cells, const std::vector<std::string>& axes) {
  Footnotes notes;
  bool intervals = false, missing = false, tested = false, selected = false;
  std::string metric;
  for (const v1::Cell& cell : cells) {
    intervals = intervals || cell.has_difference_low();
    tested = tested || cell.has_test_mean();
    selected = selected || cell.selected();
    missing = missing || cell.failed() > 0 || cell.succeeded() < cell.trials_size();
    if (!cell.metric().empty()) metric = cell.metric();
    notes.Of(cell);
  }
  Table table;
  table.Column("cell", Align::kRight);
  for (const std::string& axis : axes) table.Column(axis);
  if (axes.empty()) table.Column("attention");
  table.Column("density", Align::kRight);
  table.Column(metric.empty() ? "result" : MetricTitle(metric), Align::kRight);
  table.Column("± sd", Align::kRight);
  if (tested) table.Column(IsShare(metric) ? "test %" : "test", Align::kRight);
  if (selected) table.Column("selected");
  table.Column("n", Align::kRight);
  table.Column("vs dense", Align::kRight);
  if (intervals) {
    table.Column("95 % interval", Align::kRight);
    table.Column("p (Holm)", Align::kRight);
    table.Column("detectable", Align::kRight);
  }
  table.Column("train s", Align::kRight);
  if (missing) table.Column("state");
  if (!notes.empty()) table.Column("note");
  for (const v1::Cell& cell : cells) {
    const auto signed_value = [&](double value) { return SignedMetricText(cell.metric(), value); };
    std::vector<std::string> row = {std::to_string(cell.cell())};
    std::string plan = cell.attention();
    for (const std::string& axis : axes) {
      std::string text = Axis(cell, axis);
      // The baseline has no value of the axes that the attention is made of.
      if (text.empty() && cell.baseline()) text = std::exchange(plan, "–");
      row.push_back(text);
    }
    if (axes.empty()) row.push_back(cell.attention());
    row.push_back(cell.has_density() ? fmt::format("{:.3f}", cell.density()) : "");
    row.push_back(cell.has_mean() ? MetricText(cell.metric(), cell.mean()) : "");
    row.push_back(cell.has_stddev() ? MetricText(cell.metric(), cell.stddev()) : "");
    if (tested) {
      row.push_back(cell.has_test_mean() ? MetricText(cell.metric(), cell.test_mean()) : "");
    }
    if (selected) row.push_back(cell.selected() ? "selected" : "");
    row.push_back(std::to_string(cell.n()));
    row.push_back(cell.baseline()         ? "baseline"
                  : cell.has_difference() ? signed_value(cell.difference())
                                          : "");
    if (intervals) {
      row.push_back(cell.has_difference_low() && !cell.baseline()
                        ? "[" + signed_value(cell.difference_low()) + ", " +
                              signed_value(cell.difference_high()) + "]"
                        : "");
      row.push_back(!cell.has_p_holm()       ? ""
                    : cell.p_holm() < 0.001 ? "< 0.001"
                                            : fmt::format("{:.3f}", cell.p_holm()));
      // Beside "no difference": how large one would have had to be to be seen.
      const bool none = cell.difference_low() <= 0 && cell.difference_high() >= 0;
      row.push_back(none && cell.has_smallest_detectable()
                        ? "±" + signed_value(cell.smallest_detectable()).substr(1)
                        : "");
    }
    row.push_back(cell.has_train_seconds() ? fmt::format("{:.1f}", cell.train_seconds()) : "");
    if (missing) {
      std::string state;
      if (cell.alias_of() > 0 || cell.has_alias_of()) {
        state = fmt::format("= cell {}", cell.alias_of());
      }
      if (cell.failed() > 0) state = fmt::format("{} failed", cell.failed());
      if (cell.running() > 0)
        state += fmt::format("{}{} running", state.empty() ? "" : ", ", cell.running());
      if (cell.paused() > 0) {
        state += fmt::format("{}{} paused", state.empty() ? "" : ", ", cell.paused());
      }
      if (cell.cancelled() > 0) {
        state += fmt::format("{}{} cancelled", state.empty() ? "" : ", ", cell.cancelled());
      }
      row.push_back(state);
    }
    if (!notes.empty()) row.push_back(notes.Of(cell));
    table.Row(std::move(row));
  }
  return table.Text(TheTerminal().width) + (notes.empty() ? "" : "\n" + notes.Text());
}

// Full precision and no words: for spreadsheets and pandas.
Table DataTable(const std::vector<v1::Cell>& cells, const std::vector<std::string>& axes) {
  Table table;
  table.Column("cell");
  for (const std::string& axis : axes) table.Column(axis);
  for (const char* title :
       {"attention", "canonical", "baseline", "alias_of", "density", "metric", "mean", "stddev",
        "n", "difference", "difference_low", "difference_high", "p_value", "p_holm", "p_bh",
        "smallest_detectable", "train_seconds", "succeeded", "failed", "left_out", "warnings",
        "test_mean", "test_stddev", "selected", "selection_note", "origins"}) {
    table.Column(title);
  }
  const auto number = [](bool has, double value) { return has ? fmt::format("{}", value) : ""; };
  for (const v1::Cell& cell : cells) {
    std::vector<std::string> row = {std::to_string(cell.cell())};
    for (const std::string& axis : axes) row.push_back(Axis(cell, axis));
    row.insert(row.end(),
               {cell.attention(), cell.canonical(), cell.baseline() ? "1" : "0",
                cell.has_alias_of() ? std::to_string(cell.alias_of()) : "",
                number(cell.has_density(), cell.density()), cell.metric(),
                number(cell.has_mean(), cell.mean()), number(cell.has_stddev(), cell.stddev()),
                std::to_string(cell.n()), number(cell.has_difference(), cell.difference()),
                number(cell.has_difference_low(), cell.difference_low()),
                number(cell.has_difference_high(), cell.difference_high()),
                number(cell.has_p_value(), cell.p_value()),
                number(cell.has_p_holm(), cell.p_holm()), number(cell.has_p_bh(), cell.p_bh()),
                number(cell.has_smallest_detectable(), cell.smallest_detectable()),
                number(cell.has_train_seconds(), cell.train_seconds()),
                std::to_string(cell.succeeded()), std::to_string(cell.failed()),
                std::to_string(cell.left_out()),
                fmt::format("{}", fmt::join(cell.warnings(), " ")),
                number(cell.has_test_mean(), cell.test_mean()),
                number(cell.has_test_stddev(), cell.test_stddev()), cell.selected() ? "1" : "0",
                cell.selection_note(),
                fmt::format("{}", fmt::join(cell.origins(), " "))});
    table.Row(std::move(row));
  }
  return table;
}

Status PrintFailures(Service& service, const std::string& sweep,
                     const std::vector<v1::Cell>& cells, const std::vector<std::string>& axes) {
  constexpr int kShown = 5;
  v1::ListTrialsRequest request;
  request.set_parent(sweep);
  request.set_state(v1::TRIAL_STATE_FAILED);
  request.set_page_size(kShown);
  const Result<v1::ListTrialsResponse> page =
      Call(service.trials(), &v1::TrialService::Stub::ListTrials, request);
  if (!page.ok()) return page.status();
  const std::vector<v1::Trial> failed(page->trials().begin(), page->trials().end());
  if (failed.empty()) return {};
  std::printf("\n%s\n%s", Red("failed trials").c_str(),
              FailedTrialsText(failed, cells, axes).c_str());
  if (!page->next_page_token().empty()) {
    std::printf("  ... and more: \"sparsweep sql\" over v_cells and v_trials lists them\n");
  }
  return {};
}

}  // namespace

Status PrintResults(Service& service, const std::string& name) {
  v1::GetSweepRequest request;
  request.set_name(name);
  const Result<v1::Sweep> sweep =
      Call(service.sweeps(), &v1::SweepService::Stub::GetSweep, request);
  if (!sweep.ok()) return sweep.status();
  const Result<std::vector<v1::Cell>> cells = AllCells(service, name);
  if (!cells.ok()) return cells.status();
  const std::vector<std::string> axes(sweep->axis_names().begin(), sweep->axis_names().end());
  std::fputs(PeopleTable(*cells, axes).c_str(), stdout);
  const std::string kind = sweep->spec().kind();
  if (kind == "profile" || kind == "infer") {
    const Status printed = PrintMeasurements(service, name, kind);
    if (!printed.ok()) return printed;
  }
  if (sweep->coverage().failed() == 0) return {};
  return PrintFailures(service, name, *cells, axes);
}

int Results(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  const Result<std::string> name = FindSweep(**service, options.subject);
  if (!name.ok()) return Refuse(name.status());
  if (!options.json && !options.csv) {
    const Status status = PrintResults(**service, *name);
    return status.ok() ? kExitOk : Refuse(status);
  }
  const Result<std::vector<v1::Cell>> cells = AllCells(**service, *name);
  if (!cells.ok()) return Refuse(cells.status());
  if (options.json) {
    v1::ListCellsResponse all;
    for (const v1::Cell& cell : *cells) *all.add_cells() = cell;
    PrintJson(all);
    return kExitOk;
  }
  v1::GetSweepRequest request;
  request.set_name(*name);
  const Result<v1::Sweep> sweep =
      Call((*service)->sweeps(), &v1::SweepService::Stub::GetSweep, request);
  if (!sweep.ok()) return Refuse(sweep.status());
  const std::vector<std::string> axes(sweep->axis_names().begin(), sweep->axis_names().end());
  std::fputs(DataTable(*cells, axes).Csv().c_str(), stdout);
  return kExitOk;
}

}  // namespace sparsweep
