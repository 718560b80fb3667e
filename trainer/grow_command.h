// `sparsweep-trainer grow`: a model with more layers, each a copy of one of a smaller model's, as a
// folder in Hugging Face layout that says what it was made from (sparsweep.json). One thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

// For each of `layers` layers, which of the `given` it copies. "stack": all of them, then all again
// (Gong et al. 2019, "Efficient training of BERT by progressively stacking"); "repeat": each one
// several times in a row.
Result<std::vector<int>> GrownFrom(int given, int layers, const std::string& order);

// `output` must not exist, or be empty.
Status GrowModel(const std::filesystem::path& model, int layers, const std::string& order,
                 const std::filesystem::path& output);

}  // namespace sparsweep
