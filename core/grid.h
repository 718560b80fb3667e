// The grid of a sweep, addressed by index and expanded lazily.
//
// Index order: mixed radix over the axes sorted by the bytes of their names, last axis fastest.
// The expander turns index ranges into cells and their trials; it holds the spec and what it was
// resolved against, never the whole grid. Baseline cells are numbered after the enumerated ones
// would be (index >= product of the axes), one per combination of the axes that do not touch
// attention (contracts.md, "Baseline").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
  // Validates the whole template: every axis value that can be checked alone is. `resolver` must
  // outlive the grid.
  static Result<Grid> Make(SweepSpec spec, Resolver& resolver);

  const SweepSpec& spec() const { return spec_; }
  // Names of the axes in display order: first use in the template, then by name.
  const std::vector<std::string>& display_order() const { return display_order_; }
  // Enumerated combinations before `where`, and indices including baseline slots.
  uint64_t combinations() const { return combinations_; }
  uint64_t end_index() const { return end_index_; }

  // The cell at `index`, or nullopt if `where` excludes it (or the slot needs no added baseline).
  Result<std::optional<Cell>> At(uint64_t index);

 private:
  SweepSpec spec_;
  std::vector<std::string> display_order_;
  uint64_t combinations_ = 0;
  uint64_t end_index_ = 0;
  Resolver* resolver_ = nullptr;
};

}  // namespace sparsweep
