// What the axes that do not touch attention settle of a cell: model, task, training options, and
// so the context of its plan. Resolves each name once. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

#include "core/axis_space.h"
#include "core/grid.h"
#include "core/identity.h"
#include "core/plan.h"

namespace sparsweep {

struct CellSetting {
  TrialSpec trial;  // all but attention, seeds and identity
  Hyperparameters hyperparameters;
  PlanContext context;
  uint64_t context_id = 0;  // equal for equal contexts
};

class CellSettings {
 public:
  // Both must outlive this.
  CellSettings(const SweepSpec& spec, const AxisSpace& space) : spec_(spec), space_(space) {}

  // Every value of model and task, so that a misspelt one is refused before anything runs.
  Status Resolve(Resolver& resolver);

  // The setting of `at.other`; good until the next call.
  Result<CellSetting*> Of(const Combination& at);

 private:
  // With weights and without, as the sweep's values of `init` need.
  Status AddModel(Resolver& resolver, const std::string& field, const std::string& name);
  Status AddTask(Resolver& resolver, const std::string& field, const std::string& name,
                 const std::variant<std::string, TaskSpec>& written);

  const SweepSpec& spec_;
  const AxisSpace& space_;
  std::map<std::pair<std::string, std::string>, ResolvedModel> models_;  // by name and `init`
  std::map<std::string, ResolvedTask> tasks_;  // "" where no axis names tasks
  std::map<std::tuple<int, int, int64_t>, uint64_t> contexts_;
  std::unordered_map<uint64_t, CellSetting> cache_;  // by Combination::other
};

// "axes.w[2]"
std::string AxisValueField(const Axis& axis, uint32_t value);

}  // namespace sparsweep
