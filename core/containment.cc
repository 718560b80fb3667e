// See containment.h.
#include "core/containment.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sparsweep {
namespace {

const std::vector<Pattern>* UnionTerms(const Pattern& pattern) {
  const auto* node = pattern.As<Union>();
  return node == nullptr ? nullptr : &node->terms;
}

const std::vector<Pattern>* IntersectionTerms(const Pattern& pattern) {
  const auto* node = pattern.As<Intersection>();
  return node == nullptr ? nullptr : &node->terms;
}

// A degree and a density are not comparable: which is larger depends on the length.
bool IsAtMost(const Degree& a, const Degree& b) { return a.index() == b.index() && a <= b; }

// For every length; learned patterns are never asked.
bool HoldsDiagonal(const Pattern& atom) {
  const auto* block = atom.As<Block>();
  return block == nullptr || block->shift == 0;
}

bool IsWindowWithin(const Window& a, const Window& b) {
  if (a.dilation == b.dilation) return IsAtMost(a.w, b.w);
  const int* reach = std::get_if<int>(&a.w);
  const int* limit = std::get_if<int>(&b.w);
  return reach != nullptr && limit != nullptr && a.dilation % b.dilation == 0 &&
         int64_t{*reach} * a.dilation <= int64_t{*limit} * b.dilation;
}

bool IsLexicalWithin(const Lexical& a, const Lexical& b) {
  if (a.by != b.by) return false;
  const auto* degree = std::get_if<Degree>(&a.by_count_or_threshold);
  const auto* other = std::get_if<Degree>(&b.by_count_or_threshold);
  if (degree != nullptr && other != nullptr) return IsAtMost(*degree, *other);
  if (degree != nullptr) return *degree == Degree{0};  // the pieces of one word alone
  if (other != nullptr) return false;
  return a.by_count_or_threshold >= b.by_count_or_threshold;
}

// Facts across families. The order must stay transitive: what lies within a window lies within
// whatever holds that window.
bool IsWithinOtherFamily(const Pattern& a, const Pattern& b) {
  const auto* blocks = b.As<BigBirdBlock>();
  const auto* strided = b.As<Strided>();
  if (const auto* window = a.As<Window>()) {
    if (strided != nullptr && window->dilation % strided->l == 0) return true;
    const int* w = std::get_if<int>(&window->w);
    if (w == nullptr || (blocks == nullptr && strided == nullptr)) return false;
    const int64_t reach = int64_t{*w} * window->dilation;
    return reach <= (blocks != nullptr ? blocks->block : strided->l);
  }
  if (const auto* global = a.As<Global>()) {
    const int* g = std::get_if<int>(&global->g);
    return g != nullptr && blocks != nullptr && *g <= blocks->block;
  }
  if (const auto* fixed = a.As<Fixed>(); fixed != nullptr && fixed->c == 0) {  // blocks alone
    const int reach = fixed->l - 1;
    if (const auto* window = b.As<Window>()) {
      const int* w = std::get_if<int>(&window->w);
      return w != nullptr && window->dilation == 1 && reach <= *w;
    }
    return (blocks != nullptr && reach <= blocks->block) ||
           (strided != nullptr && reach <= strided->l);
  }
  return false;
}

bool IsFixedWithin(const Fixed& a, const Fixed& b) {
  return (a.l == b.l && a.c <= b.c) || (a.c == 0 && b.l % a.l == 0);
}

bool IsAtomWithin(const Pattern& a, const Pattern& b) {
  if (b.As<Dense>() != nullptr || a == b) return true;
  if (a.As<Self>() != nullptr) return HoldsDiagonal(b);
  if (a.node.index() != b.node.index()) return IsWithinOtherFamily(a, b);
  if (const auto* window = a.As<Window>()) return IsWindowWithin(*window, *b.As<Window>());
  if (const auto* global = a.As<Global>()) return IsAtMost(global->g, b.As<Global>()->g);
  if (const auto* random = a.As<Random>()) {
    const auto& other = *b.As<Random>();
    return random->draw == other.draw && random->each == other.each && IsAtMost(random->r, other.r);
  }
  if (const auto* blocks = a.As<BigBirdBlock>()) {
    return blocks->block == b.As<BigBirdBlock>()->block && blocks->r <= b.As<BigBirdBlock>()->r;
  }
  if (const auto* fixed = a.As<Fixed>()) return IsFixedWithin(*fixed, *b.As<Fixed>());
  if (const auto* fixed = a.As<FairseqFixed>()) {
    return fixed->l == b.As<FairseqFixed>()->l && fixed->c <= b.As<FairseqFixed>()->c;
  }
  if (const auto* syntax = a.As<Syntax>()) return syntax->hops <= b.As<Syntax>()->hops;
  if (const auto* lexical = a.As<Lexical>()) return IsLexicalWithin(*lexical, *b.As<Lexical>());
  return false;
}

// Whitman's condition, remembering pairs of compound terms: without that, two terms nested d deep
// would be compared in up to 4^d ways.
class Containment {
 public:
  bool Within(const Pattern& a, const Pattern& b) {
    const bool a_is_atom = UnionTerms(a) == nullptr && IntersectionTerms(a) == nullptr;
    const bool b_is_atom = UnionTerms(b) == nullptr && IntersectionTerms(b) == nullptr;
    if (a_is_atom && b_is_atom) return IsAtomWithin(a, b);
    if (a_is_atom || b_is_atom) return Compare(a, b);
    const auto [known, is_new] = known_.try_emplace({&a, &b}, false);
    if (is_new) known->second = Compare(a, b);
    return known->second;
  }

 private:
  bool Compare(const Pattern& a, const Pattern& b) {
    const auto a_within = [&](const Pattern& term) { return Within(a, term); };
    const auto within_b = [&](const Pattern& term) { return Within(term, b); };
    if (const auto* terms = UnionTerms(a)) {
      return std::all_of(terms->begin(), terms->end(), within_b);
    }
    if (const auto* terms = IntersectionTerms(b)) {
      return std::all_of(terms->begin(), terms->end(), a_within);
    }
    const auto* factors = IntersectionTerms(a);
    if (factors != nullptr && std::any_of(factors->begin(), factors->end(), within_b)) return true;
    const auto* terms = UnionTerms(b);
    return terms != nullptr && std::any_of(terms->begin(), terms->end(), a_within);
  }

  std::map<std::pair<const Pattern*, const Pattern*>, bool> known_;
};

}  // namespace

bool IsKnownToBeWithin(const Pattern& a, const Pattern& b) { return Containment().Within(a, b); }

}  // namespace sparsweep
