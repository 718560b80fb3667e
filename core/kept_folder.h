// Where the files that an attempt's result names lie until its worker has uploaded them. A pure
// function that trainer and worker share.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

namespace sparsweep {

// `kept` is the worker's own folder for such files.
inline std::filesystem::path KeptFolder(const std::filesystem::path& kept, std::string attempt) {
  std::replace(attempt.begin(), attempt.end(), '/', '_');
  return kept / ("attempt-" + attempt);
}

}  // namespace sparsweep
