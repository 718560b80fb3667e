// The patterns of the attention language, one row each: name, arguments in order, defaults, what
// may stand for the degree, what is refused. The parser, its error messages and the docs all read
// this table and nothing else. Read-only: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/pattern.h"
#include "core/plan_context.h"

namespace sparsweep {

// Left out, for what has a default that depends on the model; a whole number or the index of a
// choice; a density or a threshold that stands for a degree; parts such as 10:2.
using ArgumentValue = std::variant<std::monostate, int, Density, Threshold, std::vector<int>>;

struct ArgumentRule {
  enum class Type { kWhole, kParts, kChoice };
  std::string name;
  Type type = Type::kWhole;
  int minimum = 0;                   // kWhole and each of kParts
  std::vector<std::string> choices;  // kChoice
  std::optional<int> fallback;       // the default: a number, or an index into `choices`
  std::string computed;              // the default as text, where it depends on the model
};

struct PatternRule {
  std::string name;
  std::vector<ArgumentRule> arguments = {};
  // From one value per argument, in order.
  Pattern (*make)(const std::vector<ArgumentValue>& values) = nullptr;
  bool takes_density = false;    // `density=x` may stand for the first argument
  bool takes_threshold = false;  // `threshold=x` too
  // Why these arguments are refused, or "".
  std::string (*refusal)(const Pattern& pattern, const PlanContext& context) = nullptr;
};

const std::vector<PatternRule>& PatternTable();

// Nullptr for an unknown name.
const PatternRule* FindPattern(std::string_view name);

// How it is written: "window(w or density=x, dilation=1)".
std::string Usage(const PatternRule& rule);

}  // namespace sparsweep
