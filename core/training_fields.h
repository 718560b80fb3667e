// The scalars of `training`: one table that parsing, axes, output, identity and the docs' table
// agree on. Not here: what a trainer does with them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sweep_spec.h"

namespace sparsweep {

struct TrainingField {
  const char* name;
  double TrainingOptions::*number = nullptr;  // exactly one of the three is set
  int64_t TrainingOptions::*whole = nullptr;
  std::string TrainingOptions::*choice = nullptr;
  double low = 0;
  double high = 0;
  bool open = false;        // `high` itself is refused
  bool only_whole = false;  // a `number` that must be whole
  std::vector<std::string> choices = {};
  bool since_later = false;  // trials of the first version lack it: the default is read
  // Written only where it is not the default, and absent from older trials: what was stored before
  // the field existed keeps the text that it had.
  bool sparing = false;
};

// Sorted by name.
const std::vector<TrainingField>& TrainingFields();
// Null if `name` is no scalar of `training`.
const TrainingField* FindTrainingField(const std::string& name);

// Sets one field from a value of the sweep file or of an axis. The error is one sentence about the
// value that names neither field nor axis: the caller has its path.
Status SetTrainingField(const TrainingField& field, const AxisValue& value,
                        TrainingOptions* options);
// The value as an AxisValue: SetTrainingField(field, GetTrainingField(field, o), &o) changes
// nothing.
AxisValue GetTrainingField(const TrainingField& field, const TrainingOptions& options);

}  // namespace sparsweep
