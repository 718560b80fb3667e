// See pattern_table.h. A new pattern is a row here, a node in pattern.h and a case in mask.cc.
#include "core/pattern_table.h"

namespace sparsweep {
namespace {

using Type = ArgumentRule::Type;
using Values = std::vector<ArgumentValue>;

ArgumentRule Whole(std::string name, std::optional<int> fallback = {}, int minimum = 0) {
  return {std::move(name), Type::kWhole, minimum, {}, fallback, {}};
}
ArgumentRule Choice(std::string name, std::vector<std::string> choices, std::string later = {}) {
  return {std::move(name), Type::kChoice, 0, std::move(choices), 0, std::move(later)};
}

int WholeOf(const ArgumentValue& value) { return std::get<int>(value); }
Degree DegreeOf(const ArgumentValue& value) {
  if (const auto* density = std::get_if<Density>(&value)) return *density;
  return WholeOf(value);
}
Draw DrawOf(const ArgumentValue& value) { return static_cast<Draw>(WholeOf(value)); }
Over OverOf(const ArgumentValue& value) { return static_cast<Over>(WholeOf(value)); }

std::vector<PatternRule> MakeTable() {
  const ArgumentRule each = Choice("each", {"length", "example"}, "example");
  const ArgumentRule draw = Choice("draw", {"head", "layer", "plan"});  // in the order of Draw
  const ArgumentRule over = Choice("over", {"real", "max"});            // in the order of Over
  const ArgumentRule parts = {"parts", Type::kParts, 0, {}, {}, {}};
  return {
      {"dense", {}, false, [](const Values&) { return Pattern{Dense{}}; }},
      {"self", {}, false, [](const Values&) { return Pattern{Self{}}; }},
      {"window",
       {Whole("w"), Whole("dilation", 1, 1)},
       true,
       [](const Values& v) {
         return Pattern{Window{DegreeOf(v[0]), WholeOf(v[1])}};
       }},
      {"global",
       {Whole("g")},
       true,
       [](const Values& v) { return Pattern{Global{DegreeOf(v[0])}}; }},
      {"random",
       {Whole("r"), each, draw},
       true,
       [](const Values& v) {
         return Pattern{Random{DegreeOf(v[0]), DrawOf(v[2])}};
       }},
      {"bigbird",
       {Whole("g"), Whole("w"), Whole("r"), each, draw},
       false,
       [](const Values& v) {
         return Pattern{Union{{{Global{DegreeOf(v[0])}},
                               {Window{DegreeOf(v[1]), 1}},
                               {Random{DegreeOf(v[2]), DrawOf(v[4])}}}}};
       }},
      {"block",
       {Whole("n", {}, 1), Whole("shift", 0), over},
       false,
       [](const Values& v) {
         return Pattern{Block{WholeOf(v[0]), WholeOf(v[1]), OverOf(v[2])}};
       }},
      {"blockbert",
       {parts, over},
       false,
       [](const Values& v) {
         return Pattern{BlockBert{std::get<std::vector<int>>(v[0]), OverOf(v[1])}};
       }},
      // Known by name so that a sweep written for a later version gets a clear answer.
      {"bigbird_block"},
      {"strided"},
      {"fixed"},
      {"fairseq_fixed"},
      {"longformer"},
      {"syntax"},
      {"lexical"},
      {"learned_window"},
      {"adaptive_span"},
  };
}

}  // namespace

const std::vector<PatternRule>& PatternTable() {
  static const std::vector<PatternRule> table = MakeTable();
  return table;
}

const PatternRule* FindPattern(std::string_view name) {
  for (const PatternRule& rule : PatternTable()) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

std::string Usage(const PatternRule& rule) {
  if (rule.arguments.empty()) return rule.name;
  std::string text = rule.name + "(";
  for (const ArgumentRule& argument : rule.arguments) {
    const bool is_first = &argument == &rule.arguments.front();
    if (!is_first) text += ", ";
    text += argument.type == Type::kParts ? "a0:a1:..." : argument.name;
    if (is_first && rule.takes_density) text += " or density=x";
    if (!argument.fallback) continue;
    text += "=" + (argument.type == Type::kChoice ? argument.choices[*argument.fallback]
                                                  : std::to_string(*argument.fallback));
  }
  return text + ")";
}

}  // namespace sparsweep
