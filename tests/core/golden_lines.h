// Golden files of lines that begin with their kind (tests/core/golden/*.txt).
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace sparsweep {

inline std::string GoldenText(const std::string& file) {
  std::ifstream in(SPARSWEEP_SOURCE_DIR "/tests/core/golden/" + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The lines whose first word is `kind`, without it.
inline std::vector<std::istringstream> GoldenLines(const std::string& file,
                                                   const std::string& kind) {
  std::vector<std::istringstream> lines;
  std::istringstream text(GoldenText(file));
  for (std::string line; std::getline(text, line);) {
    if (line.rfind(kind + " ", 0) == 0) lines.emplace_back(line.substr(kind.size()));
  }
  return lines;
}

}  // namespace sparsweep
