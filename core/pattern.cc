// See pattern.h.
#include "core/pattern.h"

#include <algorithm>

namespace sparsweep {
namespace {

std::strong_ordering CompareTerms(const std::vector<Pattern>& a, const std::vector<Pattern>& b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

std::string DegreeText(const Degree& degree) {
  if (const int* count = std::get_if<int>(&degree)) return std::to_string(*count);
  const uint64_t units = std::get<Density>(degree).units;
  if (units == 0 || units == Density::kOne) return units == 0 ? "density=0" : "density=1";
  std::string digits = std::to_string(units);
  digits.insert(0, 18 - digits.size(), '0');
  digits.erase(digits.find_last_not_of('0') + 1);
  return "density=0." + digits;
}

const char* OverText(Over over) { return over == Over::kMax ? ", over=max" : ""; }

std::string Joined(const std::vector<Pattern>& terms, const char* separator, bool in_product) {
  std::string text;
  for (const Pattern& term : terms) {
    if (!text.empty()) text += separator;
    const bool parenthesise =
        term.As<Union>() != nullptr || (in_product && term.As<Intersection>() != nullptr);
    text += parenthesise ? "(" + ToText(term) + ")" : ToText(term);
  }
  return text;
}

struct Printer {
  std::string operator()(const Dense&) const { return "dense"; }
  std::string operator()(const Self&) const { return "self"; }
  std::string operator()(const Window& p) const {
    const std::string rest = p.dilation == 1 ? "" : ", dilation=" + std::to_string(p.dilation);
    return "window(" + DegreeText(p.w) + rest + ")";
  }
  std::string operator()(const Global& p) const { return "global(" + DegreeText(p.g) + ")"; }
  std::string operator()(const Random& p) const {
    const char* draw = p.draw == Draw::kHead    ? ""
                       : p.draw == Draw::kLayer ? ", draw=layer"
                                                : ", draw=plan";
    return "random(" + DegreeText(p.r) + draw + ")";
  }
  std::string operator()(const Block& p) const {
    const std::string shift = p.shift == 0 ? "" : ", shift=" + std::to_string(p.shift);
    return "block(" + std::to_string(p.n) + shift + OverText(p.over) + ")";
  }
  std::string operator()(const BlockBert& p) const {
    std::string parts;
    for (const int part : p.parts) parts += (parts.empty() ? "" : ":") + std::to_string(part);
    return "blockbert(" + parts + OverText(p.over) + ")";
  }
  std::string operator()(const Intersection& p) const { return Joined(p.terms, " & ", true); }
  std::string operator()(const Union& p) const { return Joined(p.terms, " + ", false); }
};

}  // namespace

std::strong_ordering operator<=>(const Pattern& a, const Pattern& b) {
  if (a.node.index() != b.node.index()) return a.node.index() <=> b.node.index();
  return std::visit(
      [&b](const auto& node) -> std::strong_ordering {
        using Node = std::decay_t<decltype(node)>;
        const Node& other = *b.As<Node>();
        if constexpr (requires { node.terms; }) {
          return CompareTerms(node.terms, other.terms);
        } else {
          return node <=> other;
        }
      },
      a.node);
}

bool operator==(const Pattern& a, const Pattern& b) { return (a <=> b) == 0; }

int BlockBertShift(const BlockBert& pattern, int head) {
  int64_t end = 0;
  for (size_t part = 0; part < pattern.parts.size(); ++part) {
    end += pattern.parts[part];
    if (head < end) return static_cast<int>(part);
  }
  return 0;  // not reached: the parts sum to the heads
}

bool Draws(const Pattern& pattern) {
  if (pattern.As<Random>() != nullptr) return true;
  const auto* sum = pattern.As<Union>();
  const auto* product = pattern.As<Intersection>();
  if (sum == nullptr && product == nullptr) return false;
  const std::vector<Pattern>& terms = sum != nullptr ? sum->terms : product->terms;
  return std::any_of(terms.begin(), terms.end(), Draws);
}

std::string ToText(const Pattern& pattern) { return std::visit(Printer{}, pattern.node); }

}  // namespace sparsweep
