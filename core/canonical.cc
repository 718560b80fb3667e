// See canonical.h.
#include "core/canonical.h"

#include <algorithm>
#include <utility>

#include "core/bigbird_block.h"
#include "core/containment.h"

namespace sparsweep {
namespace {

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
  if (blocks.exact == Exact::kSet || !ReachesPaperLength(blocks, max_length)) {
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

}  // namespace sparsweep
