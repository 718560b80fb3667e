// See canonical.h.
#include "core/canonical.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/bigbird_block.h"

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

bool IsAtomWithin(const Pattern& a, const Pattern& b) {
  if (b.As<Dense>() != nullptr || a == b) return true;
  if (a.As<Self>() != nullptr) return HoldsDiagonal(b);
  if (a.node.index() != b.node.index()) return false;
  if (const auto* window = a.As<Window>()) return IsWindowWithin(*window, *b.As<Window>());
  if (const auto* global = a.As<Global>()) return IsAtMost(global->g, b.As<Global>()->g);
  if (const auto* random = a.As<Random>()) {
    const auto& other = *b.As<Random>();
    return random->draw == other.draw && random->each == other.each && IsAtMost(random->r, other.r);
  }
  if (const auto* blocks = a.As<BigBirdBlock>()) {
    const auto& other = *b.As<BigBirdBlock>();
    return blocks->block == other.block && blocks->r <= other.r;
  }
  if (const auto* fixed = a.As<Fixed>()) {
    return fixed->l == b.As<Fixed>()->l && fixed->c <= b.As<Fixed>()->c;
  }
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

Pattern CanonicalDegree(const Pattern& pattern, const Degree& degree, bool can_be_dense,
                        int max_length) {
  if (const auto* density = std::get_if<Density>(&degree)) {
    if (density->units == 0) return {Self{}};
    return density->units == Density::kOne && can_be_dense ? Pattern{Dense{}} : pattern;
  }
  const int count = std::get<int>(degree);
  if (count == 0) return {Self{}};
  return can_be_dense && count >= max_length - 1 ? Pattern{Dense{}} : pattern;
}

// What has no effect takes its default: all of exact=hf in a set, what only evaluation draws, and
// the positions where no text is so long that its lists depend on them.
Pattern CanonicalBlocks(BigBirdBlock blocks, int max_length) {
  if (IsAlwaysDense(blocks, max_length)) return {Dense{}};
  const BigBirdBlock defaults;
  if (blocks.exact == Exact::kSet) blocks.eval = defaults.eval;
  if (blocks.exact == Exact::kSet || blocks.r == 0 || !ReachesPaperLength(blocks, max_length)) {
    blocks.max_positions = defaults.max_positions;
  }
  if (blocks.r == 0) blocks.eval = defaults.eval;
  return {blocks};
}

// Of a density of 0 the degree is 0 in every text.
Pattern CanonicalLexical(Lexical lexical) {
  auto* degree = std::get_if<Degree>(&lexical.by_count_or_threshold);
  if (degree != nullptr && *degree == Degree{Density{0}}) *degree = 0;
  return {lexical};
}

Pattern CanonicalAtom(const Pattern& pattern, int max_length) {
  if (const auto* window = pattern.As<Window>()) {
    return CanonicalDegree(pattern, window->w, window->dilation == 1, max_length);
  }
  if (const auto* global = pattern.As<Global>()) {
    return CanonicalDegree(pattern, global->g, true, max_length);
  }
  if (const auto* random = pattern.As<Random>()) {
    return CanonicalDegree(pattern, random->r, true, max_length);
  }
  if (const auto* block = pattern.As<Block>()) {
    if (block->n == 1) return {Dense{}};
    return {Block{block->n, block->shift % block->n, block->over}};
  }
  if (const auto* blocks = pattern.As<BigBirdBlock>()) return CanonicalBlocks(*blocks, max_length);
  if (const auto* strided = pattern.As<Strided>()) {
    return strided->l == 1 || strided->l >= max_length - 1 ? Pattern{Dense{}} : pattern;
  }
  if (const auto* fixed = pattern.As<Fixed>()) {
    if (fixed->c == fixed->l || fixed->l >= max_length) return {Dense{}};
    return fixed->l == 1 ? Pattern{Self{}} : pattern;
  }
  if (const auto* lexical = pattern.As<Lexical>()) return CanonicalLexical(*lexical);
  if (const auto* learned = pattern.As<LearnedWindow>()) {
    LearnedWindow canonical = *learned;
    if (canonical.max == max_length - 1) canonical.max.reset();
    return {canonical};
  }
  if (const auto* span = pattern.As<AdaptiveSpan>()) {
    AdaptiveSpan canonical = *span;
    if (canonical.max == max_length - 1) canonical.max.reset();
    return {canonical};
  }
  return pattern;
}

// One of the two lattice operations; each rule holds for both with the order turned around.
template <typename Operation>
struct Lattice;
template <>
struct Lattice<Union> {
  using Dual = Intersection;
  // Whether `a` adds nothing beside `b`.
  static bool Absorbs(const Pattern& b, const Pattern& a) { return IsKnownToBeWithin(a, b); }
};
template <>
struct Lattice<Intersection> {
  using Dual = Union;
  static bool Absorbs(const Pattern& b, const Pattern& a) { return IsKnownToBeWithin(b, a); }
};

template <typename Operation>
void Flatten(const Pattern& pattern, std::vector<Pattern>* terms) {
  if (const auto* same = pattern.As<Operation>()) {
    terms->insert(terms->end(), same->terms.begin(), same->terms.end());
  } else {
    terms->push_back(pattern);
  }
}

// The terms that no other term absorbs, sorted. Canonical terms that absorb each other are equal.
template <typename Operation>
std::vector<Pattern> Irredundant(std::vector<Pattern> terms) {
  std::sort(terms.begin(), terms.end());
  for (size_t i = terms.size(); i-- > 0;) {
    for (size_t j = 0; j < terms.size(); ++j) {
      if (i == j || !Lattice<Operation>::Absorbs(terms[j], terms[i])) continue;
      terms.erase(terms.begin() + i);
      break;
    }
  }
  return terms;
}

// In A + (B & C), with B within the whole: B & C may as well be B, and then is absorbed or is B.
// Returns the term's factor that may stand for it, or null.
template <typename Operation>
const Pattern* Replacement(const Pattern& term, const Pattern& whole) {
  const auto* dual = term.As<typename Lattice<Operation>::Dual>();
  if (dual == nullptr) return nullptr;
  for (const Pattern& factor : dual->terms) {
    if (Lattice<Operation>::Absorbs(whole, factor)) return &factor;
  }
  return nullptr;
}

template <typename Operation>
Pattern Combine(const std::vector<Pattern>& parts, int max_length) {
  std::vector<Pattern> terms;
  for (const Pattern& part : parts) Flatten<Operation>(Canonical(part, max_length), &terms);
  while (true) {
    terms = Irredundant<Operation>(std::move(terms));
    if (terms.size() == 1) return std::move(terms[0]);
    Pattern whole{Operation{terms}};
    bool changed = false;
    for (size_t i = 0; i < terms.size() && !changed; ++i) {
      if (const Pattern* found = Replacement<Operation>(terms[i], whole)) {
        const Pattern replacement = *found;  // which lies in the term that goes
        terms.erase(terms.begin() + i);
        Flatten<Operation>(replacement, &terms);
        changed = true;
      }
    }
    if (!changed) return whole;
  }
}

template <typename Operation>
Pattern EachForHead(const Operation& node, int head) {
  Operation copy;
  for (const Pattern& term : node.terms) copy.terms.push_back(ForHead(term, head));
  return {std::move(copy)};
}

}  // namespace

Pattern ForHead(const Pattern& pattern, int head) {
  if (const auto* blockbert = pattern.As<BlockBert>()) {
    const int n = static_cast<int>(blockbert->parts.size());
    return {Block{n, BlockBertShift(*blockbert, head), blockbert->over}};
  }
  if (const auto* node = pattern.As<Union>()) return EachForHead(*node, head);
  if (const auto* node = pattern.As<Intersection>()) return EachForHead(*node, head);
  return pattern;
}

Pattern Canonical(const Pattern& pattern, int max_length) {
  if (const auto* node = pattern.As<Union>()) return Combine<Union>(node->terms, max_length);
  if (const auto* node = pattern.As<Intersection>()) {
    return Combine<Intersection>(node->terms, max_length);
  }
  return CanonicalAtom(pattern, max_length);
}

bool IsKnownToBeWithin(const Pattern& a, const Pattern& b) { return Containment().Within(a, b); }

}  // namespace sparsweep
