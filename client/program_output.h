// What another program answers: started, given its input, waited for. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

struct ProgramOutput {
  int code = 0;     // exit code
  std::string out;  // stdout; stderr goes to ours
};

// Runs `arguments[0]` with the rest and `input` as its standard input. An error if it does not
// start, is ended by a signal, or has not ended within a minute (then it is killed).
Result<ProgramOutput> RunProgram(const std::vector<std::string>& arguments,
                                 const std::string& input = "");

}  // namespace sparsweep
