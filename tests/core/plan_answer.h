// What the attention language answers to a text, for a model of 12 x 12 heads and 128 tokens.
#pragma once

#include <string>

#include "core/caret.h"
#include "core/plan.h"

namespace sparsweep {

inline constexpr PlanContext kBase{12, 12, 128};

// The whole message, or the canonical text of what was accepted.
inline std::string Answer(const std::string& attention) {
  const auto plan = Plan::Resolve(attention, kBase);
  return plan.ok() ? plan->canonical() : plan.status().message();
}
inline std::string Sentence(const std::string& attention) { return FirstLine(Answer(attention)); }

}  // namespace sparsweep
