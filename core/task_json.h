// Tasks and training options as JSON values, for the documents that contain them. For .cc files.
#pragma once

#include <string>

#include "core/json.h"
#include "core/sweep_spec.h"

namespace sparsweep {

// Violations are added under `path` ("task.columns.text"); the result is then not to be used.
TaskSpec ReadTask(const nlohmann::json& value, const std::string& path, Violations* out);
nlohmann::json TaskJson(const TaskSpec& task);

nlohmann::json TrainingJson(const TrainingOptions& options);

}  // namespace sparsweep
