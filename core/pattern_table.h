// The patterns of the attention language, one row each: name, arguments in order, defaults, whether
// a density may stand for the degree. The parser, its error messages and the docs all read this
// table and nothing else. Read-only: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/pattern.h"

namespace sparsweep {

// A whole number or the index of a choice; a density; parts such as 10:2.
using ArgumentValue = std::variant<int, Density, std::vector<int>>;

struct ArgumentRule {
  enum class Type { kWhole, kParts, kChoice };
  std::string name;
  Type type = Type::kWhole;
  int minimum = 0;                   // kWhole and each of kParts
  std::vector<std::string> choices;  // kChoice
  std::optional<int> fallback;       // the default: a number, or an index into `choices`
  std::string later;                 // the one choice that this version does not offer yet
};

struct PatternRule {
  std::string name;
  std::vector<ArgumentRule> arguments = {};
  bool takes_density = false;  // `density=x` may stand for the first argument
  // From one value per argument, in order. Null: known, but not available in this version.
  Pattern (*make)(const std::vector<ArgumentValue>& values) = nullptr;
};

const std::vector<PatternRule>& PatternTable();

// Nullptr for an unknown name.
const PatternRule* FindPattern(std::string_view name);

// How it is written: "window(w or density=x, dilation=1)".
std::string Usage(const PatternRule& rule);

}  // namespace sparsweep
