// What another program answers: started, given its input, waited for. Blocking; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

struct ProgramOutput {
  int code = 0;     // exit code
  std::string out;  // stdout; stderr goes to ours
};

struct ProgramLimits {
  std::chrono::seconds time{60};
  size_t bytes = size_t{1} << 30;  // of output
  std::stop_token stop = {};       // ends it early
};

// Runs `arguments[0]` with the rest and `input` as its standard input. An error if it does not
// start, is ended by a signal, or goes beyond a limit (then it is killed).
Result<ProgramOutput> RunProgram(const std::vector<std::string>& arguments,
                                 const std::string& input = "", const ProgramLimits& limits = {});

}  // namespace sparsweep
