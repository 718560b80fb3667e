// The list of failed trials under `sparsweep results`: which cell and seed, why, and what may help.
#pragma once

#include <string>
#include <vector>

#include "sparsweep/v1/sweep.pb.h"
#include "sparsweep/v1/trial.pb.h"

namespace sparsweep {

// A line for each of `failed`, trials of a sweep with these cells; then a sentence for each reason.
std::string FailedTrialsText(const std::vector<v1::Trial>& failed,
                             const std::vector<v1::Cell>& cells,
                             const std::vector<std::string>& axes);

}  // namespace sparsweep
