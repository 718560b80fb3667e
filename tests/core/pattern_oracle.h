// The definitions of docs/attention-language.md, written down a second time, entry by entry and as
// slowly as they read, for tests to compare core/mask.cc with. And random patterns and spellings.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/mask.h"
#include "core/pattern.h"
#include "core/philox.h"
#include "core/text_masks.h"

namespace sparsweep::oracle {

// The degree whose own density is closest to x: all degrees 0..n are built and counted. Exact for
// densities of at most 4 decimals.
template <typename Keep>
int DegreeOf(const Degree& degree, int n, Keep keep) {
  if (const int* count = std::get_if<int>(&degree)) return *count;
  const int64_t x = static_cast<int64_t>(std::get<Density>(degree).units / 100'000'000'000'000);
  int best = 0;
  int64_t smallest = -1;
  for (int candidate = 0; candidate <= n; ++candidate) {
    int64_t kept = 0;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) kept += keep(candidate, i, j);
    }
    const int64_t distance = std::llabs(kept * 10'000 - x * n * n);
    if (smallest < 0 || distance < smallest) {
      smallest = distance;
      best = candidate;
    }
  }
  return best;
}

// r of the candidates, or all of them, for row i of n.
inline std::vector<int> Drawn(std::vector<int> candidates, int r, Draw draw, uint64_t key, int n,
                              int i, const MaskContext& c) {
  uint32_t owner = c.layer * 65536u + c.head;
  if (draw == Draw::kLayer) owner = c.layer * 65536u + 65535u;
  if (draw == Draw::kPlan) owner = 0xFFFFFFFFu;
  const int count = static_cast<int>(candidates.size());
  r = std::min(r, count);
  for (int t = 0; t < r; ++t) {
    const auto words = Philox4x32({uint32_t(t), uint32_t(i), owner, uint32_t(n)},
                                  {uint32_t(key), uint32_t(key >> 32)});
    const long double u = words[1] * 4294967296.0L + words[0];  // exact: 64 bits of mantissa
    const int p = t + static_cast<int>(u * (count - t) / 18446744073709551616.0L);
    std::swap(candidates[t], candidates[p]);
  }
  candidates.resize(r);
  return candidates;
}

// A text whose words, tree and similarities follow from its length alone: one to three pieces a
// word, the first and the last token special.
class FakeText : public TextMasks {
 public:
  void Add(const Syntax& pattern, Mask* mask) const override {
    AddPairs(mask, [&](int a, int b, int) { return Edges(a, b) <= pattern.hops; });
    // [CLS] is the root.
    for (int i = 1; i + 1 < mask->length(); ++i) {
      if (Depth(WordOf(i)) + 1 > pattern.hops) continue;
      mask->Keep(0, i);
      mask->Keep(i, 0);
    }
  }
  void Add(const Lexical& pattern, Mask* mask) const override {
    const auto* degree = std::get_if<Degree>(&pattern.by_count_or_threshold);
    const int shift = pattern.by == Similarity::kModel ? 1 : 5;
    AddPairs(mask, [&](int a, int b, int words) {
      if (a == b) return true;
      if (degree == nullptr) {
        // Percent against 10^-18.
        return Alike(a, b, shift) * (Density::kOne / 100) >=
               std::get<Threshold>(pattern.by_count_or_threshold).units;
      }
      // A density stands for a degree that grows with it.
      const auto* density = std::get_if<Density>(degree);
      const int k = density ? static_cast<int>(density->units / (Density::kOne / 10))
                            : std::get<int>(*degree);
      return Rank(a, b, words, shift) < k || Rank(b, a, words, shift) < k;
    });
  }

 private:
  static int WordOf(int token) { return (token - 1) * 2 / 3; }
  static int Depth(int word) { return word == 0 ? 0 : 1 + Depth(word * 5 / 7); }
  static int Edges(int a, int b) {
    return a == b ? 0 : 1 + (a > b ? Edges(a * 5 / 7, b) : Edges(a, b * 5 / 7));
  }
  static uint64_t Alike(int a, int b, int shift) {  // percent
    return static_cast<uint64_t>((a + b) * 37 + a * b * 11 + shift * 13) % 101;
  }
  // How many other words are more alike to a than b is, ties to the lower index.
  static int Rank(int a, int b, int words, int shift) {
    int rank = 0;
    for (int other = 0; other < words; ++other) {
      if (other == a || other == b) continue;
      const uint64_t theirs = Alike(a, other, shift), own = Alike(a, b, shift);
      rank += theirs > own || (theirs == own && other < b);
    }
    return rank;
  }
  template <typename Related>
  static void AddPairs(Mask* mask, Related related) {
    const int n = mask->length();
    const int words = n < 3 ? 0 : WordOf(n - 2) + 1;
    for (int i = 0; i < n; ++i) {
      mask->Keep(i, i);
      for (int j = 1; i > 0 && i + 1 < n && j + 1 < n; ++j) {
        if (related(WordOf(i), WordOf(j), words)) mask->Keep(i, j);
      }
    }
  }
};

// For a model of 4 heads.
inline MaskContext ContextOf(uint64_t seed, int layer, int head, int max_length,
                             Phase phase = Phase::kTraining) {
  static const FakeText text;
  return {seed, layer, head, max_length, 4, ExampleKey("dev", 3, 0), phase, &text};
}

// The whole mask as rows of flags.
using Rows = std::vector<std::vector<bool>>;

inline Rows Filled(int n, bool value) { return Rows(n, std::vector<bool>(n, value)); }

inline Rows Build(const Pattern& pattern, int n, const MaskContext& c) {
  Rows rows = Filled(n, false);
  const auto fill = [&](auto keep) {
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) rows[i][j] = keep(i, j);
    }
    return rows;
  };
  if (pattern.As<Dense>()) return Filled(n, true);
  if (pattern.As<Self>()) return fill([](int i, int j) { return i == j; });
  if (const auto* p = pattern.As<Window>()) {
    const auto keep = [&](int64_t w, int i, int j) {
      return std::abs(i - j) <= w * p->dilation && std::abs(i - j) % p->dilation == 0;
    };
    const int w = DegreeOf(p->w, n, keep);
    return fill([&](int i, int j) { return keep(w, i, j); });
  }
  if (const auto* p = pattern.As<Global>()) {
    const auto keep = [](int g, int i, int j) { return i < g || j < g || i == j; };
    const int g = DegreeOf(p->g, n, keep);
    return fill([&](int i, int j) { return keep(g, i, j); });
  }
  if (const auto* p = pattern.As<Random>()) {
    // How many a row keeps does not depend on which.
    const auto keep = [n](int r, int i, int j) { return i == j || (j + n - i) % n <= r; };
    const int r = DegreeOf(p->r, n, keep);
    const uint64_t key = p->each == Each::kExample ? c.mask_seed ^ c.example_key : c.mask_seed;
    for (int i = 0; i < n; ++i) {
      std::vector<int> others;
      for (int j = 0; j < n; ++j) {
        if (j != i) others.push_back(j);
      }
      rows[i][i] = true;
      for (const int j : Drawn(others, r, p->draw, key, n, i, c)) rows[i][j] = true;
    }
    return rows;
  }
  if (const auto* p = pattern.As<BigBirdBlock>(); p && p->exact == Exact::kSet) {
    int blocks = 0;
    while (blocks * p->block < n) ++blocks;
    const auto keep = [blocks](int a, int b) {
      return a == 0 || a == blocks - 1 || b == 0 || b == blocks - 1 || a - 1 == b || a == b ||
             a + 1 == b;
    };
    fill([&](int i, int j) { return keep(i / p->block, j / p->block); });
    for (int a = 0; a < blocks; ++a) {
      std::vector<int> others;
      for (int b = 0; b < blocks; ++b) {
        if (!keep(a, b)) others.push_back(b);
      }
      for (const int b : Drawn(others, p->r, Draw::kHead, c.mask_seed, blocks, a, c)) {
        for (int i = 0; i < n; ++i) {
          for (int j = 0; j < n; ++j) {
            if (i / p->block == a && j / p->block == b) rows[i][j] = true;
          }
        }
      }
    }
    return rows;
  }
  if (const auto* p = pattern.As<Strided>()) {
    return fill([&](int i, int j) { return std::abs(i - j) <= p->l || (i - j) % p->l == 0; });
  }
  if (const auto* p = pattern.As<Fixed>()) {
    return fill(
        [&](int i, int j) { return i / p->l == j / p->l || j % p->l >= p->l - p->c || i == j; });
  }
  if (const auto* p = pattern.As<FairseqFixed>()) {
    return fill([&](int i, int j) {
      const int l = p->l, first = i % l != 0 || i == 0 ? l * (i / l) : i - l;
      bool kept = first <= j && j <= first + l;
      for (int k = 1; k * l - p->c < n; ++k) kept = kept || (k * l - p->c <= j && j <= k * l);
      return kept;
    });
  }
  if (pattern.As<Syntax>() || pattern.As<Lexical>()) {
    Mask mask(n);
    if (const auto* p = pattern.As<Syntax>()) c.text->Add(*p, &mask);
    if (const auto* p = pattern.As<Lexical>()) c.text->Add(*p, &mask);
    return fill([&](int i, int j) { return mask.at(i, j); });
  }
  if (pattern.As<Block>() || pattern.As<BlockBert>()) {
    Block b;
    if (const auto* p = pattern.As<Block>()) {
      b = *p;
    } else {
      const auto* bert = pattern.As<BlockBert>();
      b = {static_cast<int>(bert->parts.size()), -1, bert->over};
      for (int head = c.head; head >= 0; head -= bert->parts[b.shift]) ++b.shift;
    }
    const int cut = b.over == Over::kMax ? c.max_length : n;
    int size = cut / b.n;
    if (size * b.n < cut) ++size;
    return fill([&](int i, int j) { return (i / size + b.shift) % b.n == j / size; });
  }
  const auto* sum = pattern.As<Union>();
  const auto& terms = sum ? sum->terms : pattern.As<Intersection>()->terms;
  rows = Filled(n, sum == nullptr);
  for (const Pattern& term : terms) {
    const Rows other = Build(term, n, c);
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        rows[i][j] = sum ? rows[i][j] || other[i][j] : rows[i][j] && other[i][j];
      }
    }
  }
  return rows;
}

inline bool Same(const Mask& mask, const Rows& rows) {
  for (int i = 0; i < mask.length(); ++i) {
    for (int j = 0; j < mask.length(); ++j) {
      if (mask.at(i, j) != rows[i][j]) return false;
    }
  }
  return true;
}

// Random values that are the same on every machine.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  int Below(int n) { return static_cast<int>(engine_() % static_cast<uint64_t>(n)); }
  bool Coin() { return Below(2) == 0; }

  Degree AnyDegree() {
    if (Below(4) > 0) return Below(13);
    return Density{uint64_t(Below(10'001)) * 100'000'000'000'000};
  }

  // Over `heads` heads, legal for a max_length of 11 or more; `depth` bounds the nesting.
  Pattern AnyPattern(int heads, int depth) {
    switch (Below(depth > 0 ? 20 : 14)) {
      case 0:
        return {Dense{}};
      case 1:
        return {Self{}};
      case 2:
      case 3:
        return {Window{AnyDegree(), Coin() ? 1 : 1 + Below(3)}};
      case 4:
        return {Global{AnyDegree()}};
      case 5:
        return {Random{AnyDegree(), static_cast<Draw>(Below(3)), static_cast<Each>(Below(2))}};
      case 6:
        return {Block{1 + Below(4), Below(6), static_cast<Over>(Below(2))}};
      case 7: {
        BlockBert pattern{std::vector<int>(1 + Below(3)), static_cast<Over>(Below(2))};
        for (int head = 0; head < heads; ++head) ++pattern.parts[Below(pattern.parts.size())];
        return {pattern};
      }
      case 8:
        return {BigBirdBlock{1 + Below(3), Below(4), Exact::kSet, 4096 + Below(2),
                             static_cast<Eval>(Below(2))}};
      case 9:
        return {Strided{1 + Below(12)}};
      case 10: {
        const int l = 1 + Below(12);
        return {Fixed{l, Below(l + 1)}};
      }
      case 11: {
        const int l = 1 + Below(10);
        return {FairseqFixed{l, Below(l)}};
      }
      case 12:
        return {Syntax{Below(4)}};
      case 13: {
        const auto by = static_cast<Similarity>(Below(2));
        if (Coin()) return {Lexical{AnyDegree(), by}};
        return {Lexical{Threshold{uint64_t(Below(101)) * 10'000'000'000'000'000}, by}};
      }
      default: {
        std::vector<Pattern> terms;
        for (int count = 2 + Below(2); count > 0; --count) {
          terms.push_back(AnyPattern(heads, depth - 1));
        }
        return Coin() ? Pattern{Union{terms}} : Pattern{Intersection{terms}};
      }
    }
  }

  // What a rule may hold by itself: also what counts blocks.
  Pattern AnyRule(int heads, int depth) {
    if (Below(12) > 0) return AnyPattern(heads, depth);
    return {BigBirdBlock{1 + Below(2), Below(4), Exact::kHf, 4096 + Below(2),
                         static_cast<Eval>(Below(2))}};
  }

  // The same pattern with its terms commuted, nested and repeated.
  Pattern Scrambled(const Pattern& pattern) {
    if (const auto* node = pattern.As<Union>()) return ScrambledTerms(*node);
    if (const auto* node = pattern.As<Intersection>()) return ScrambledTerms(*node);
    return pattern;
  }

  // A scope over the model's layers and heads, with its colon, or nothing.
  std::string AnyScope(int layers, int heads) {
    std::string text;
    const int kind = Below(5);
    if (kind == 1) text = "all ";
    if (kind == 2) text = (Coin() ? "first " : "last ") + std::to_string(1 + Below(layers)) + " ";
    if (kind == 3) text = "layers " + AnyRanges(layers) + " ";
    if (Coin()) text += "heads " + AnyRanges(heads);
    return text.empty() ? "" : text + ": ";
  }

 private:
  template <typename Operation>
  Pattern ScrambledTerms(const Operation& node) {
    std::vector<Pattern> terms;
    for (const Pattern& term : node.terms) {
      terms.push_back(Scrambled(term));
      if (Below(4) == 0) terms.push_back(Scrambled(term));
    }
    for (size_t i = terms.size(); i > 1; --i) std::swap(terms[i - 1], terms[Below(i)]);
    if (Coin()) {
      const int cut = 1 + Below(static_cast<int>(terms.size()) - 1);
      Operation left;
      left.terms.assign(terms.begin(), terms.begin() + cut);
      terms.erase(terms.begin(), terms.begin() + cut);
      terms.push_back(left.terms.size() == 1 ? left.terms[0] : Pattern{left});
    }
    return {Operation{terms}};
  }

  std::string AnyRanges(int count) {
    std::string text;
    do {
      const int a = Below(count), b = Below(count);
      text += (text.empty() ? "" : ",") + std::to_string(std::min(a, b));
      if (Coin()) text += "-" + std::to_string(std::max(a, b));
    } while (Below(3) == 0);
    return text;
  }

  std::mt19937_64 engine_;
};

}  // namespace sparsweep::oracle
