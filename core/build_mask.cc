// How patterns become masks (mask.h). Every pattern is defined here once, by how its rows are
// filled; docs/attention-language.md says the same in words.
#include <algorithm>
#include <utility>

#include "core/bigbird_block.h"
#include "core/degree.h"
#include "core/mask.h"
#include "core/random_draw.h"
#include "core/result.h"
#include "core/sha256.h"
#include "core/text_masks.h"

namespace sparsweep {
namespace {

// Adds the entries that one pattern keeps to `mask`.
struct Builder {
  const MaskContext& context;
  Mask* mask;

  int n() const { return mask->length(); }

  void operator()(const Dense&) const {
    for (int i = 0; i < n(); ++i) mask->KeepRange(i, 0, n());
  }

  void operator()(const Self&) const {
    for (int i = 0; i < n(); ++i) mask->Keep(i, i);
  }

  void operator()(const Window& pattern) const {
    const int64_t d = pattern.dilation;
    const int64_t w = std::min<int64_t>(DegreeAt(pattern, n()), (n() - 1) / d);
    for (int64_t i = 0; i < n(); ++i) {
      if (d == 1) {
        mask->KeepRange(i, std::max<int64_t>(0, i - w), std::min<int64_t>(n(), i + w + 1));
        continue;
      }
      const int64_t first = i - std::min(w, i / d) * d;
      const int64_t last = std::min<int64_t>(n() - 1, i + w * d);
      for (int64_t j = first; j <= last; j += d) mask->Keep(i, j);
    }
  }

  void operator()(const Global& pattern) const {
    const int g = std::min(DegreeAt(pattern, n()), n());
    for (int i = 0; i < n(); ++i) {
      mask->KeepRange(i, 0, i < g ? n() : g);
      mask->Keep(i, i);
    }
  }

  void operator()(const Random& pattern) const {
    const int others = n() - 1;
    const int r = std::min(DegreeAt(pattern, n()), others);
    if (r == others) return (*this)(Dense{});
    RandomDraw draw(context, pattern.draw, pattern.each, n());
    for (int i = 0; i < n(); ++i) {
      mask->Keep(i, i);
      // The candidates are the other tokens in ascending order.
      for (const int place : draw.Row(i, others, r)) mask->Keep(i, place < i ? place : place + 1);
    }
  }

  void operator()(const BigBirdBlock& pattern) const { AddBlocks(pattern, context, mask); }

  void operator()(const Strided& pattern) const {
    const int l = pattern.l;
    for (int i = 0; i < n(); ++i) {
      mask->KeepRange(i, i > l ? i - l : 0, i < n() - l ? i + l + 1 : n());
      for (int64_t j = i % l; j < n(); j += l) mask->Keep(i, static_cast<int>(j));
    }
  }

  void operator()(const Fixed& pattern) const {
    const int64_t l = pattern.l;
    for (int i = 0; i < n(); ++i) {
      const int64_t begin = i / l * l;
      mask->KeepRange(i, static_cast<int>(begin),
                      static_cast<int>(std::min<int64_t>(n(), begin + l)));
      mask->Keep(i, i);
      for (int64_t end = l; end - pattern.c < n() && pattern.c > 0; end += l) {
        mask->KeepRange(i, static_cast<int>(end - pattern.c),
                        static_cast<int>(std::min<int64_t>(n(), end)));
      }
    }
  }

  void operator()(const FairseqFixed& pattern) const {
    const int64_t l = pattern.l;
    const auto keep = [this](int i, int64_t first, int64_t last) {  // both included
      mask->KeepRange(i, static_cast<int>(std::max<int64_t>(0, first)),
                      static_cast<int>(std::min<int64_t>(n() - 1, last) + 1));
    };
    for (int i = 0; i < n(); ++i) {
      const int64_t begin = i / l * l;
      if (i % l != 0 || i == 0) {
        keep(i, begin, begin + l);
      } else {
        keep(i, i - l, i);
      }
      for (int64_t end = l; end - pattern.c < n(); end += l) keep(i, end - pattern.c, end);
    }
  }

  void operator()(const Syntax& pattern) const { AddFromText(pattern); }
  void operator()(const Lexical& pattern) const { AddFromText(pattern); }

  // Their masks are parameters of a model: core/learned_degrees.h hardens them.
  void operator()(const LearnedWindow&) const { SPARSWEEP_CHECK(!"a learned pattern has no mask"); }
  void operator()(const AdaptiveSpan&) const { SPARSWEEP_CHECK(!"a learned pattern has no mask"); }

  void operator()(const Block& pattern) const {
    int64_t cut = n();
    if (pattern.over == Over::kMax) {
      SPARSWEEP_CHECK(context.max_length >= n());
      cut = context.max_length;
    }
    const int64_t size = (cut + pattern.n - 1) / pattern.n;
    for (int i = 0; i < n(); ++i) {
      const int64_t block = (i / size + pattern.shift) % pattern.n;
      const int64_t begin = std::min<int64_t>(block * size, n());
      mask->KeepRange(i, begin, std::min<int64_t>(begin + size, n()));
    }
  }

  void operator()(const BlockBert& pattern) const {
    const int n_blocks = static_cast<int>(pattern.parts.size());
    (*this)(Block{n_blocks, BlockBertShift(pattern, context.head), pattern.over});
  }

  void operator()(const Union& pattern) const {
    for (const Pattern& term : pattern.terms) std::visit(*this, term.node);
  }

  void operator()(const Intersection& pattern) const {
    Mask common = BuildMask(pattern.terms[0], n(), context);
    for (size_t term = 1; term < pattern.terms.size(); ++term) {
      const Mask other = BuildMask(pattern.terms[term], n(), context);
      for (int i = 0; i < n(); ++i) {
        for (int word = 0; word < common.words(); ++word) common.row(i)[word] &= other.row(i)[word];
      }
    }
    for (int i = 0; i < n(); ++i) {
      for (int word = 0; word < common.words(); ++word) mask->row(i)[word] |= common.row(i)[word];
    }
  }

  template <typename P>
  void AddFromText(const P& pattern) const {
    SPARSWEEP_CHECK(context.text != nullptr);
    context.text->Add(pattern, mask);
  }
};

}  // namespace

Mask BuildMask(const Pattern& pattern, int length, const MaskContext& context) {
  SPARSWEEP_CHECK(length >= 1);
  Mask mask(length);
  std::visit(Builder{context, &mask}, pattern.node);
  return mask;
}

uint64_t ExampleKey(std::string_view split, int64_t row, int64_t window) {
  const Digest digest =
      Sha256(std::string(split) + "/" + std::to_string(row) + "/" + std::to_string(window));
  uint64_t key = 0;
  for (int byte = 7; byte >= 0; --byte) key = key << 8 | digest[byte];
  return key;
}

}  // namespace sparsweep
