// See pattern_table.h. A new pattern is a row here, a node in pattern.h and a case in mask.cc.
#include "core/pattern_table.h"

#include <numeric>

#include "core/bigbird_block.h"
#include "core/token_cursor.h"

namespace sparsweep {
namespace {

using Type = ArgumentRule::Type;
using Values = std::vector<ArgumentValue>;

ArgumentRule Whole(std::string name, std::optional<int> fallback = {}, int minimum = 0) {
  return {std::move(name), Type::kWhole, minimum, {}, fallback, {}};
}
ArgumentRule Choice(std::string name, std::vector<std::string> choices) {
  return {std::move(name), Type::kChoice, 0, std::move(choices), 0, {}};
}
// A largest degree whose default is max_length - 1.
ArgumentRule Max() { return {"max", Type::kWhole, 1, {}, {}, "max_length-1"}; }

int WholeOf(const ArgumentValue& value) { return std::get<int>(value); }
std::optional<int> MaxOf(const ArgumentValue& value) {
  const int* max = std::get_if<int>(&value);
  return max == nullptr ? std::nullopt : std::optional(*max);
}
Degree DegreeOf(const ArgumentValue& value) {
  if (const auto* density = std::get_if<Density>(&value)) return *density;
  return WholeOf(value);
}
template <typename Enum>
Enum ChoiceOf(const ArgumentValue& value) {
  return static_cast<Enum>(WholeOf(value));
}

Pattern RandomOf(const ArgumentValue& r, const ArgumentValue& each, const ArgumentValue& draw) {
  return {Random{DegreeOf(r), ChoiceOf<Draw>(draw), ChoiceOf<Each>(each)}};
}

std::string Number(int64_t value) { return std::to_string(value); }

std::string RefuseBlocks(int64_t blocks, const PlanContext& context) {
  if (blocks <= context.max_length) return "";
  return Number(blocks) + " blocks are more than the " + Number(context.max_length) +
         " tokens of max_length; use fewer blocks or a greater max_length";
}

std::string RefuseBlockBert(const BlockBert& pattern, const PlanContext& context) {
  const int64_t sum = std::accumulate(pattern.parts.begin(), pattern.parts.end(), int64_t{0});
  if (sum == context.heads) return RefuseBlocks(pattern.parts.size(), context);
  return "the parts of blockbert sum to " + Number(sum) + ", but the model has " +
         Counted(context.heads, "head");
}

std::string RefuseFairseqFixed(const FairseqFixed& pattern, const PlanContext& context) {
  if (pattern.c >= pattern.l) {
    return "c must be smaller than l in fairseq_fixed; " + Number(pattern.c) +
           " is not smaller than " + Number(pattern.l);
  }
  if (context.max_length > pattern.l) return "";
  return "fairseq_fixed needs a max_length greater than l; " + Number(context.max_length) +
         " is not greater than " + Number(pattern.l);
}

std::string RefuseMax(const std::optional<int>& max, const PlanContext& context) {
  if (context.max_length < 2) return "there is no degree to learn with a max_length of 1";
  if (MaxDegree(max, context.max_length) < context.max_length) return "";
  return "max " + Number(*max) + " is beyond max_length - 1 = " + Number(context.max_length - 1) +
         "; leave it out or make it smaller";
}

// Rows of the table are grouped as in docs/attention-language.md. Choices are in the order of their
// enumerations.
std::vector<PatternRule> MakeTable() {
  const ArgumentRule each = Choice("each", {"length", "example"});
  const ArgumentRule draw = Choice("draw", {"head", "layer", "plan"});
  const ArgumentRule over = Choice("over", {"real", "max"});
  return {
      {"dense", {}, [](const Values&) { return Pattern{Dense{}}; }},
      {"self", {}, [](const Values&) { return Pattern{Self{}}; }},
      {"window",
       {Whole("w"), Whole("dilation", 1, 1)},
       [](const Values& v) {
         return Pattern{Window{DegreeOf(v[0]), WholeOf(v[1])}};
       },
       true},
      {"global",
       {Whole("g")},
       [](const Values& v) { return Pattern{Global{DegreeOf(v[0])}}; },
       true},
      {"random",
       {Whole("r"), each, draw},
       [](const Values& v) { return RandomOf(v[0], v[1], v[2]); },
       true},
      {"bigbird",
       {Whole("g"), Whole("w"), Whole("r"), each, draw},
       [](const Values& v) {
         return Pattern{Union{
             {{Global{DegreeOf(v[0])}}, {Window{DegreeOf(v[1]), 1}}, RandomOf(v[2], v[3], v[4])}}};
       }},
      {"bigbird_block",
       {Whole("block", 64, 1), Whole("r", 3), Choice("exact", {"set", "hf"}),
        Whole("max_positions", 4096, 1), Choice("eval", {"zeros", "draw"})},
       [](const Values& v) {
         return Pattern{BigBirdBlock{WholeOf(v[0]), WholeOf(v[1]), ChoiceOf<Exact>(v[2]),
                                     WholeOf(v[3]), ChoiceOf<Eval>(v[4])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext& c) {
         return RefuseBigBirdBlock(*p.As<BigBirdBlock>(), c);
       }},
      {"block",
       {Whole("n", {}, 1), Whole("shift", 0), over},
       [](const Values& v) {
         return Pattern{Block{WholeOf(v[0]), WholeOf(v[1]), ChoiceOf<Over>(v[2])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext& c) { return RefuseBlocks(p.As<Block>()->n, c); }},
      {"blockbert",
       {{"parts", Type::kParts, 0, {}, {}, {}}, over},
       [](const Values& v) {
         return Pattern{BlockBert{std::get<std::vector<int>>(v[0]), ChoiceOf<Over>(v[1])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext& c) {
         return RefuseBlockBert(*p.As<BlockBert>(), c);
       }},
      {"strided",
       {Whole("l", {}, 1)},
       [](const Values& v) { return Pattern{Strided{WholeOf(v[0])}}; }},
      {"fixed",
       {Whole("l", {}, 1), Whole("c")},
       [](const Values& v) {
         return Pattern{Fixed{WholeOf(v[0]), WholeOf(v[1])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext&) {
         const auto& fixed = *p.As<Fixed>();
         if (fixed.c <= fixed.l) return std::string();
         return "c must be at most l in fixed; " + Number(fixed.c) + " is more than " +
                Number(fixed.l);
       }},
      {"fairseq_fixed",
       {Whole("l", {}, 1), Whole("c")},
       [](const Values& v) {
         return Pattern{FairseqFixed{WholeOf(v[0]), WholeOf(v[1])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext& c) {
         return RefuseFairseqFixed(*p.As<FairseqFixed>(), c);
       }},
      {"longformer",
       {Whole("w"), Whole("g", 0)},
       [](const Values& v) {
         return Pattern{Union{{{Window{DegreeOf(v[0]), 1}}, {Global{DegreeOf(v[1])}}}}};
       }},
      {"syntax",
       {Whole("hops", 1)},
       [](const Values& v) { return Pattern{Syntax{WholeOf(v[0])}}; }},
      {"lexical",
       {Whole("k"), Choice("by", {"model", "glove"})},
       [](const Values& v) {
         Lexical pattern{{}, ChoiceOf<Similarity>(v[1])};
         if (const auto* threshold = std::get_if<Threshold>(&v[0])) {
           pattern.by_count_or_threshold = *threshold;
         } else {
           pattern.by_count_or_threshold = DegreeOf(v[0]);
         }
         return Pattern{pattern};
       },
       true,
       true},
      {"learned_window",
       {Max(), Choice("per", {"layer", "head"}), Choice("harden", {"sample", "mean", "threshold"})},
       [](const Values& v) {
         return Pattern{LearnedWindow{MaxOf(v[0]), ChoiceOf<Per>(v[1]), ChoiceOf<Harden>(v[2])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext& c) {
         return RefuseMax(p.As<LearnedWindow>()->max, c);
       }},
      {"adaptive_span",
       {Max(), Whole("ramp", 32, 1)},
       [](const Values& v) {
         return Pattern{AdaptiveSpan{MaxOf(v[0]), WholeOf(v[1])}};
       },
       false,
       false,
       [](const Pattern& p, const PlanContext& c) {
         return RefuseMax(p.As<AdaptiveSpan>()->max, c);
       }},
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
    if (is_first && rule.takes_threshold) text += " or threshold=x";
    if (!argument.computed.empty()) text += "=" + argument.computed;
    if (!argument.fallback) continue;
    text += "=" + (argument.type == Type::kChoice ? argument.choices[*argument.fallback]
                                                  : std::to_string(*argument.fallback));
  }
  return text + ")";
}

}  // namespace sparsweep
