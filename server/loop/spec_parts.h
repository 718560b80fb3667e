// What specifications of trials are stored as: millions differ in their attention, seeds and a few
// training values, and share the rest (migrations/0006, view trial_spec).
//
// One thread at a time. Not here: what is in a specification (core/trial.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/axis_space.h"
#include "core/trial.h"

namespace sparsweep {

class SpecParts {
 public:
  // `spec` must outlive this.
  explicit SpecParts(const SweepSpec& spec);

  struct Parts {
    // JSON with null where a trial has values of its own: attention, identity, seeds, and what
    // `training` says.
    std::shared_ptr<const std::string> common;
    std::string training;  // a JSON object: values of axes that set a field of it and nothing else
  };
  // Of the cell `index` of the sweep's grid; `trial` is any of its trials.
  Parts Of(uint64_t index, const TrialSpec& trial);

 private:
  // An axis that does not touch attention.
  struct Setting {
    size_t axis = 0;
    // `"name":value` by digit; empty if other parts of the specification follow from it.
    std::vector<std::string> fields;
  };
  std::string CommonText(const TrialSpec& trial) const;

  const std::vector<Axis>& axes_;
  const AxisSpace space_;
  std::vector<Setting> settings_;
  // By the digits of the settings without fields. Dropped when there are too many.
  std::unordered_map<uint64_t, std::shared_ptr<const std::string>> commons_;
};

}  // namespace sparsweep
