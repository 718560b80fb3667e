// The grid of a sweep, addressed by index and expanded lazily.
//
// Index order: mixed radix over the axes sorted by the bytes of their names, last axis fastest.
// Baseline cells are numbered after the enumerated ones (index >= product of the axes), one slot
// for each combination of the axes that do not touch attention. Such a combination gets an added
// baseline cell if `where` keeps some cell of it and none of those is dense already; the first
// that is dense is the baseline otherwise.
//
// At(i) is a pure function of spec, resolver and i, so an expansion resumes anywhere. What a cell
// depends on before it (aliases, whether a combination has a kept cell) At finds by scanning once
// what was not yet scanned: going upwards costs nothing extra, a first At(i) replays i cells.
// Memory: 16 bytes and an index per distinct cell, a few per combination, each distinct plan once;
// never the cells. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"
#include "core/sweep_spec.h"
#include "core/trial.h"

namespace sparsweep {

inline constexpr uint64_t kMaxCells = 10'000'000;

// What names were resolved to (core/catalog.h), for one value of `model` and `task`.
struct ResolvedModel {
  std::string name;         // as written
  std::string folder;
  std::string fingerprint;  // hex SHA-256
  int layers = 0, heads = 0, hidden = 0, vocab = 0, max_positions = 0;
  // Of a model that a trial made: file name -> digest of its blob; empty for all others.
  std::map<std::string, std::string> files = {};
};
struct ResolvedTask {
  std::string name;
  TaskSpec task;
  std::string fingerprint;  // hex SHA-256
};
// How the grid looks up names; implemented by the server over its data folder and by tests.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual Result<ResolvedModel> Model(const std::string& name) = 0;
  // For trials that start from random weights.
  virtual Result<ResolvedModel> ModelWithoutWeights(const std::string& name) { return Model(name); }
  virtual Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) = 0;
};

struct Cell {
  uint64_t index = 0;
  bool is_baseline = false;
  std::string axes_json;   // canonical JSON object in index order; attention axes null on a baseline
  std::string attention;   // as written, spliced ("dense" on an added baseline)
  std::string canonical;   // the plan's canonical text
  std::vector<TrialSpec> trials;    // seeds x mask seeds (mask seeds only if the plan draws)
  std::optional<uint64_t> alias_of; // the first cell of this sweep with the same trials
  uint64_t baseline_index = 0;      // its baseline cell; unused where baseline is "none"
};

class Grid {
 public:
  // Validates the whole template: every name resolves, `where` keeps something, each axis value
  // and the first 20,000 cells make legal plans. What is wrong later is an error of At. `resolver`
  // must outlive the grid.
  static Result<Grid> Make(SweepSpec spec, Resolver& resolver);
  Grid(Grid&&) noexcept;
  Grid& operator=(Grid&&) noexcept;
  ~Grid();

  const SweepSpec& spec() const;
  // Names of the axes in display order: first use in the template, then by name.
  const std::vector<std::string>& display_order() const;
  // Enumerated combinations before `where`, and indices including baseline slots.
  uint64_t combinations() const;
  uint64_t end_index() const;

  // The cell at `index`, or nullopt if `where` excludes it (or the slot needs no added baseline).
  Result<std::optional<Cell>> At(uint64_t index);

 private:
  class Expander;
  explicit Grid(std::unique_ptr<Expander> expander);
  std::unique_ptr<Expander> expander_;
};

// `w=3 layers=last 1` from a cell's axes_json, in display order and without the axes that are null;
// "baseline" where none is left.
std::string AxesLabel(const std::string& axes_json, const std::vector<std::string>& display_order);

}  // namespace sparsweep
