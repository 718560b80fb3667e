// Where the files that an attempt's result names lie until its worker has uploaded them, and what
// may be the name of one. Pure functions.
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

// Whether a peer's word for a file stays in its folder.
inline bool IsFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace sparsweep
