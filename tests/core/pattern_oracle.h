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

// The r keys of row i besides itself.
inline std::vector<int> Drawn(int r, Draw draw, int n, int i, const MaskContext& c) {
  std::vector<int> others;
  for (int j = 0; j < n; ++j) {
    if (j != i) others.push_back(j);
  }
  uint32_t owner = c.layer * 65536u + c.head;
  if (draw == Draw::kLayer) owner = c.layer * 65536u + 65535u;
  if (draw == Draw::kPlan) owner = 0xFFFFFFFFu;
  r = std::min(r, n - 1);
  for (int t = 0; t < r; ++t) {
    const auto words = Philox4x32({uint32_t(t), uint32_t(i), owner, uint32_t(n)},
                                  {uint32_t(c.mask_seed), uint32_t(c.mask_seed >> 32)});
    const long double u = words[1] * 4294967296.0L + words[0];  // exact: 64 bits of mantissa
    const int p = t + static_cast<int>(u * (n - 1 - t) / 18446744073709551616.0L);
    std::swap(others[t], others[p]);
  }
  others.resize(r);
  return others;
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
    for (int i = 0; i < n; ++i) {
      rows[i][i] = true;
      for (const int j : Drawn(r, p->draw, n, i, c)) rows[i][j] = true;
    }
    return rows;
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

  // Over `heads` heads; `depth` bounds the nesting.
  Pattern AnyPattern(int heads, int depth) {
    switch (Below(depth > 0 ? 13 : 8)) {
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
        return {Random{AnyDegree(), static_cast<Draw>(Below(3))}};
      case 6:
        return {Block{1 + Below(4), Below(6), static_cast<Over>(Below(2))}};
      case 7: {
        BlockBert pattern{std::vector<int>(1 + Below(3)), static_cast<Over>(Below(2))};
        for (int head = 0; head < heads; ++head) ++pattern.parts[Below(pattern.parts.size())];
        return {pattern};
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
