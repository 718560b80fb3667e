// See plan.h.
#include "core/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/attention_parser.h"
#include "core/canonical.h"
#include "core/lexer.h"

namespace sparsweep {
namespace {

constexpr int kUnset = -1;

Status CheckContext(const PlanContext& context) {
  const auto check = [](const char* what, int value, int limit) {
    if (value >= 1 && value <= limit) return Status();
    return InvalidArgument(std::string(what) + " must be 1 to " + std::to_string(limit) + ", not " +
                           std::to_string(value));
  };
  for (const Status& status :
       {check("layers", context.layers, kMaxLayers), check("heads", context.heads, kMaxHeads),
        check("max_length", context.max_length, kMaxLength)}) {
    if (!status.ok()) return status;
  }
  return {};
}

// For each cell the rule that decides it: the last that names it, or kUnset.
std::vector<int> DecidingRules(const std::vector<AttentionRule>& rules,
                               const PlanContext& context) {
  std::vector<int> deciding(static_cast<size_t>(context.layers) * context.heads, kUnset);
  size_t open = deciding.size();
  for (int rule = static_cast<int>(rules.size()) - 1; rule >= 0 && open > 0; --rule) {
    for (int layer = 0; layer < context.layers; ++layer) {
      if (!rules[rule].layers[layer]) continue;
      for (int head = 0; head < context.heads; ++head) {
        int& cell = deciding[layer * context.heads + head];
        if (!rules[rule].heads[head] || cell != kUnset) continue;
        cell = rule;
        --open;
      }
    }
  }
  return deciding;
}

// 0-3,5 for ascending numbers.
std::string Ranges(const std::vector<int>& numbers) {
  std::string text;
  for (size_t start = 0; start < numbers.size();) {
    size_t end = start + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(numbers[start]);
    if (end - start > 1) text += "-" + std::to_string(numbers[end - 1]);
    start = end;
  }
  return text;
}

}  // namespace

Result<Plan> Plan::Resolve(std::string_view attention, const PlanContext& context) {
  return Resolve(Spliced{std::string(attention), {}}, context);
}

Result<Plan> Plan::Resolve(const Spliced& attention, const PlanContext& context) {
  if (Status status = CheckContext(context); !status.ok()) return status;
  auto parsed = ParseAttention(attention, context);
  if (!parsed.ok()) return parsed.status();
  const std::vector<AttentionRule>& rules = *parsed;

  Plan plan;
  plan.context_ = context;
  std::map<Pattern, int> indices;  // of canonical patterns
  const auto index_of = [&](Pattern canonical) {
    const auto [place, is_new] = indices.try_emplace(std::move(canonical), plan.patterns_.size());
    if (is_new) plan.patterns_.push_back(place->first);
    return place->second;
  };
  // Each rule is reduced once, or once for each distinct pattern that its heads see.
  std::map<std::pair<int, int>, int> by_rule_and_head;
  std::map<Pattern, int> by_source;
  const auto resolve = [&](int rule, int head) {
    Pattern source = ForHead(rules[rule].pattern, head);
    const auto found = by_source.find(source);
    if (found != by_source.end()) return found->second;
    const int index = index_of(Canonical(source, context.max_length));
    by_source.emplace(std::move(source), index);
    return index;
  };
  std::vector<bool> same_for_all_heads;
  for (const AttentionRule& rule : rules) {
    same_for_all_heads.push_back(ForHead(rule.pattern, 0) == rule.pattern);
  }
  std::set<int> dense_rules;
  const std::vector<int> deciding = DecidingRules(rules, context);
  plan.cells_.reserve(deciding.size());
  for (int cell = 0; cell < static_cast<int>(deciding.size()); ++cell) {
    const int rule = deciding[cell];
    if (rule == kUnset) {
      plan.cells_.push_back(index_of({Dense{}}));
      continue;
    }
    const int head = same_for_all_heads[rule] ? 0 : cell % context.heads;
    const auto [known, is_new] = by_rule_and_head.try_emplace({rule, head}, kUnset);
    if (is_new) {
      known->second = resolve(rule, head);
      const bool is_dense = plan.patterns_[known->second].As<Dense>() != nullptr;
      if (is_dense && rules[rule].pattern.As<Dense>() == nullptr) dense_rules.insert(rule);
    }
    plan.cells_.push_back(known->second);
  }
  for (const int rule : dense_rules) plan.became_dense_.push_back(rules[rule].pattern);
  plan.canonical_ = plan.CanonicalText();
  if (plan.canonical_.size() > kMaxSourceBytes) {
    return InvalidArgument("the attention is too intricate: its canonical text is longer than " +
                           std::to_string(kMaxSourceBytes) + " bytes");
  }
  return plan;
}

// One rule for each pattern and set of heads, over all layers where exactly these heads have it.
std::string Plan::CanonicalText() const {
  struct Rule {
    std::vector<int> layers, heads;
    int pattern = 0;
  };
  std::vector<Rule> rules;
  std::map<std::pair<int, std::vector<int>>, size_t> places;
  for (int layer = 0; layer < layers(); ++layer) {
    std::map<int, std::vector<int>> heads_of;  // by pattern
    for (int head = 0; head < heads(); ++head) heads_of[index(layer, head)].push_back(head);
    for (auto& [pattern, its_heads] : heads_of) {
      if (patterns_[pattern].As<Dense>() != nullptr) continue;
      const auto [place, is_new] = places.try_emplace({pattern, its_heads}, rules.size());
      if (is_new) rules.push_back({{}, std::move(its_heads), pattern});
      rules[place->second].layers.push_back(layer);
    }
  }
  // No two rules share a cell, so their first cells order them strictly.
  std::sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
    return std::pair(a.layers[0], a.heads[0]) < std::pair(b.layers[0], b.heads[0]);
  });
  std::string text;
  for (const Rule& rule : rules) {
    if (!text.empty()) text += "; ";
    std::string scope;
    if (static_cast<int>(rule.layers.size()) < layers()) scope = "layers " + Ranges(rule.layers);
    if (static_cast<int>(rule.heads.size()) < heads()) {
      scope += (scope.empty() ? "heads " : " heads ") + Ranges(rule.heads);
    }
    text += (scope.empty() ? "" : scope + ": ") + ToText(patterns_[rule.pattern]);
  }
  return text.empty() ? "dense" : text;
}

}  // namespace sparsweep
