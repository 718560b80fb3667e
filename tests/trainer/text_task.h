// A task of type mlm over texts, for tests.
#pragma once

#include <string>

#include "core/sweep_spec.h"

namespace sparsweep {

inline TaskSpec TextTask(const std::string& train, const std::string& dev) {
  TaskSpec task;
  task.type = "mlm";
  task.format = "text";
  task.files["train"] = {train};
  if (!dev.empty()) task.files["dev"] = {dev};
  return task;
}

}  // namespace sparsweep
