// A resolver with two models and two tasks in memory, and short ways to a grid, for tests.
#pragma once

#include <string>
#include <vector>

#include "core/grid.h"

namespace sparsweep {

class FakeResolver : public Resolver {
 public:
  Result<ResolvedModel> Model(const std::string& name) override {
    if (name == "tiny") {
      return ResolvedModel{"tiny", "/models/tiny", std::string(64, 'a'), 2, 2, 128, 30522, 512};
    }
    if (name == "mini") {
      return ResolvedModel{"mini", "/models/mini", std::string(64, 'b'), 6, 12, 384, 30522, 512};
    }
    return Status(StatusCode::kNotFound, "model \"" + name + "\" is not there");
  }
  Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) override {
    if (const auto* spec = std::get_if<TaskSpec>(&task)) {
      return ResolvedTask{"(inline)", *spec, std::string(64, 'e')};
    }
    const std::string& name = std::get<std::string>(task);
    if (name != "toy" && name != "other") {
      return Status(StatusCode::kNotFound, "task \"" + name + "\" is not there");
    }
    TaskSpec spec;
    spec.name = name;
    spec.files = {{"train", {"train.tsv"}}, {"dev", {"dev.tsv"}}};
    spec.format = "tsv";
    spec.columns = {{"text", "sentence"}, {"label", "label"}};
    spec.labels = {"0", "1"};
    return ResolvedTask{name, spec, std::string(64, name == "toy" ? 'c' : 'd')};
  }
};

// A sweep file with the fields that every test needs and `rest` after them: `"axes": {...}, ...`.
inline std::string SweepFile(const std::string& rest) {
  return R"j({"name": "test", "model": "tiny", "task": "toy")j" +
         (rest.empty() ? "" : ", " + rest) + "}";
}

inline Result<Grid> MakeGrid(const std::string& json, Resolver& resolver) {
  Result<SweepSpec> spec = ParseSweepSpec(json);
  if (!spec.ok()) return spec.status();
  return Grid::Make(*std::move(spec), resolver);
}

// All cells in index order. An error ends the list and is stored.
inline std::vector<Cell> AllCells(Grid& grid, Status* error = nullptr) {
  std::vector<Cell> cells;
  for (uint64_t i = 0; i < grid.end_index(); ++i) {
    Result<std::optional<Cell>> cell = grid.At(i);
    if (!cell.ok()) {
      if (error != nullptr) *error = cell.status();
      return cells;
    }
    if (cell->has_value()) cells.push_back(**std::move(cell));
  }
  return cells;
}

}  // namespace sparsweep
