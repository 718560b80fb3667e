// The attention language: any text is a plan or an error with a sentence; the canonical text of a plan
// is itself legal and resolves to the same plan.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using sparsweep::Plan;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const sparsweep::PlanContext context{3, 4, 32};
  const sparsweep::Result<Plan> plan = Plan::Resolve(text, context);
  if (!plan.ok()) {
    if (plan.status().message().empty()) std::abort();
    return 0;
  }
  const sparsweep::Result<Plan> again = Plan::Resolve(plan->canonical(), context);
  if (!again.ok() || again->canonical() != plan->canonical()) std::abort();
  return 0;
}
