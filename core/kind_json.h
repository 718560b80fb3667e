// The blocks of a sweep file that only some sweeps have, as JSON: `training.select`, and the grids
// of the kinds `profile` and `infer`. For .cc files.
#pragma once

#include <string>

#include "core/json.h"
#include "core/sweep_spec.h"

namespace sparsweep {

// Violations are added under `path`; the result is then not to be used.
SelectRule ReadSelection(const nlohmann::json& value, const std::string& path, Violations* out);
nlohmann::json SelectionJson(const SelectRule& selection);

ProfileGrid ReadProfile(const nlohmann::json& value, const std::string& path, Violations* out);
nlohmann::json ProfileJson(const ProfileGrid& grid);

InferGrid ReadInfer(const nlohmann::json& value, const std::string& path, Violations* out);
nlohmann::json InferJson(const InferGrid& grid);

// What of a sweep goes together with its kind and its axes.
void CheckKind(const SweepSpec& spec, Violations* out);

}  // namespace sparsweep
