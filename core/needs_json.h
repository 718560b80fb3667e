// `needs` of a sweep file as JSON (docs/sweep-file.md). Include from .cc files only.
#pragma once

#include "core/json.h"
#include "core/sweep_spec.h"

namespace sparsweep {

// Leaves `needs` alone where the field is absent.
void ReadNeeds(ObjectReader& reader, Violations* out, SweepNeeds* needs);
// Fields that say nothing are left out.
nlohmann::json NeedsJson(const SweepNeeds& needs);

}  // namespace sparsweep
