// The sweep file on disk: read, validated, its relative paths made absolute.
//
// Where names exist and patterns resolve is the server's to say; syntax, fields, types and axes are
// judged here, before anything is started.
#pragma once

#include <string>

#include "core/result.h"
#include "core/sweep_spec.h"

namespace sparsweep {

// "-" reads standard input, whose relative paths start in the current folder.
Result<SweepSpec> LoadSweepFile(const std::string& path);

// Names with a '/' start at `folder`, which is absolute; so do the files of an inline task.
void MakePathsAbsolute(const std::string& folder, SweepSpec* spec);

}  // namespace sparsweep
