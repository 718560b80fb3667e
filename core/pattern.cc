// See pattern.h.
#include "core/pattern.h"

#include <algorithm>

namespace sparsweep {
namespace {

std::strong_ordering CompareTerms(const std::vector<Pattern>& a, const std::vector<Pattern>& b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

// A number in [0, 1] in units of 10^-18.
std::string DecimalText(uint64_t units) {
  if (units == 0 || units == Density::kOne) return units == 0 ? "0" : "1";
  std::string digits = std::to_string(units);
  digits.insert(0, 18 - digits.size(), '0');
  digits.erase(digits.find_last_not_of('0') + 1);
  return "0." + digits;
}

std::string DegreeText(const Degree& degree) {
  if (const int* count = std::get_if<int>(&degree)) return std::to_string(*count);
  return "density=" + DecimalText(std::get<Density>(degree).units);
}

const char* OverText(Over over) { return over == Over::kMax ? "max" : ""; }

// NAME, or NAME(arguments): those that have a default are added by name where they differ from it.
class Call {
 public:
  explicit Call(const char* name) : name_(name) {}
  Call& Needed(const std::string& value) {
    arguments_ += (arguments_.empty() ? "" : ", ") + value;
    return *this;
  }
  Call& Needed(int value) { return Needed(std::to_string(value)); }
  Call& Named(const char* name, const std::string& value) {
    return value.empty() ? *this : Needed(std::string(name) + "=" + value);
  }
  Call& Named(const char* name, int value, int fallback) {
    return value == fallback ? *this : Named(name, std::to_string(value));
  }
  Call& Named(const char* name, const std::optional<int>& value) {
    return value ? Named(name, std::to_string(*value)) : *this;
  }
  std::string Text() const { return arguments_.empty() ? name_ : name_ + "(" + arguments_ + ")"; }

 private:
  std::string name_, arguments_;
};

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

// Whether `holds` of some pattern within this one that is no union or intersection.
template <typename Predicate>
bool AnyAtom(const Pattern& pattern, Predicate holds) {
  const auto* sum = pattern.As<Union>();
  const auto* product = pattern.As<Intersection>();
  if (sum == nullptr && product == nullptr) return holds(pattern);
  const std::vector<Pattern>& terms = sum != nullptr ? sum->terms : product->terms;
  return std::any_of(terms.begin(), terms.end(),
                     [&](const Pattern& term) { return AnyAtom(term, holds); });
}

struct Printer {
  std::string operator()(const AdaptiveSpan& p) const {
    return Call("adaptive_span").Named("max", p.max).Named("ramp", p.ramp, 32).Text();
  }
  std::string operator()(const BigBirdBlock& p) const {
    return Call("bigbird_block")
        .Named("block", p.block, 64)
        .Named("r", p.r, 3)
        .Named("exact", p.exact == Exact::kHf ? "hf" : "")
        .Named("max_positions", p.max_positions, 4096)
        .Named("eval", p.eval == Eval::kDraw ? "draw" : "")
        .Text();
  }
  std::string operator()(const Block& p) const {
    return Call("block")
        .Needed(p.n)
        .Named("shift", p.shift, 0)
        .Named("over", OverText(p.over))
        .Text();
  }
  std::string operator()(const BlockBert& p) const {
    std::string parts;
    for (const int part : p.parts) parts += (parts.empty() ? "" : ":") + std::to_string(part);
    return Call("blockbert").Needed(parts).Named("over", OverText(p.over)).Text();
  }
  std::string operator()(const Dense&) const { return "dense"; }
  std::string operator()(const FairseqFixed& p) const {
    return Call("fairseq_fixed").Needed(p.l).Needed(p.c).Text();
  }
  std::string operator()(const Fixed& p) const {
    return Call("fixed").Needed(p.l).Needed(p.c).Text();
  }
  std::string operator()(const Global& p) const {
    return Call("global").Needed(DegreeText(p.g)).Text();
  }
  std::string operator()(const LearnedWindow& p) const {
    return Call("learned_window")
        .Named("max", p.max)
        .Named("per", p.per == Per::kHead ? "head" : "")
        .Named("harden", p.harden == Harden::kMean        ? "mean"
                         : p.harden == Harden::kThreshold ? "threshold"
                                                          : "")
        .Text();
  }
  std::string operator()(const Lexical& p) const {
    Call call("lexical");
    if (const auto* degree = std::get_if<Degree>(&p.by_count_or_threshold)) {
      call.Needed(DegreeText(*degree));
    } else {
      call.Named("threshold", DecimalText(std::get<Threshold>(p.by_count_or_threshold).units));
    }
    return call.Named("by", p.by == Similarity::kGlove ? "glove" : "").Text();
  }
  std::string operator()(const Random& p) const {
    return Call("random")
        .Needed(DegreeText(p.r))
        .Named("each", p.each == Each::kExample ? "example" : "")
        .Named("draw", p.draw == Draw::kHead    ? ""
                       : p.draw == Draw::kLayer ? "layer"
                                                : "plan")
        .Text();
  }
  std::string operator()(const Self&) const { return "self"; }
  std::string operator()(const Strided& p) const { return Call("strided").Needed(p.l).Text(); }
  std::string operator()(const Syntax& p) const {
    return p.hops == 1 ? "syntax" : Call("syntax").Needed(p.hops).Text();
  }
  std::string operator()(const Window& p) const {
    return Call("window").Needed(DegreeText(p.w)).Named("dilation", p.dilation, 1).Text();
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

int MaxDegree(const std::optional<int>& max, int max_length) {
  return max.value_or(max_length - 1);
}

bool Draws(const Pattern& pattern) {
  return AnyAtom(pattern, [](const Pattern& atom) {
    const auto* blocks = atom.As<BigBirdBlock>();
    const auto* learned = atom.As<LearnedWindow>();
    return atom.As<Random>() != nullptr || (blocks != nullptr && blocks->exact == Exact::kSet) ||
           (learned != nullptr && learned->harden == Harden::kSample);
  });
}

bool DependsOnHead(const Pattern& pattern) {
  return AnyAtom(pattern, [](const Pattern& atom) {
    const auto* random = atom.As<Random>();
    return (random != nullptr && random->draw != Draw::kPlan) ||
           atom.As<BigBirdBlock>() != nullptr || IsLearned(atom);
  });
}

bool DependsOnPhase(const Pattern& pattern) {
  return AnyAtom(pattern, [](const Pattern& atom) {
    const auto* blocks = atom.As<BigBirdBlock>();
    return blocks != nullptr && blocks->exact == Exact::kHf && blocks->eval == Eval::kZeros;
  });
}

bool NeedsText(const Pattern& pattern) {
  return AnyAtom(pattern, [](const Pattern& atom) {
    return atom.As<Syntax>() != nullptr || atom.As<Lexical>() != nullptr;
  });
}

bool IsPerExample(const Pattern& pattern) {
  return NeedsText(pattern) || AnyAtom(pattern, [](const Pattern& atom) {
           const auto* random = atom.As<Random>();
           return random != nullptr && random->each == Each::kExample;
         });
}

bool IsLearned(const Pattern& pattern) {
  return AnyAtom(pattern, [](const Pattern& atom) {
    return atom.As<LearnedWindow>() != nullptr || atom.As<AdaptiveSpan>() != nullptr;
  });
}

bool IsWeighted(const Pattern& pattern) {
  return AnyAtom(pattern, [](const Pattern& atom) {
    const auto* blocks = atom.As<BigBirdBlock>();
    return blocks != nullptr && blocks->exact == Exact::kHf;
  });
}

std::string ToText(const Pattern& pattern) { return std::visit(Printer{}, pattern.node); }

}  // namespace sparsweep
