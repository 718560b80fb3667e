// See mask.h. Every pattern is defined here once, by how its rows are filled.
#include "core/mask.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "core/philox.h"
#include "core/result.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are hashed as they lie in memory");

// Keys [begin, end) of a row.
void KeepRange(uint64_t* row, int begin, int end) {
  while (begin < end) {
    const int bit = begin & 63;
    const int count = std::min(64 - bit, end - begin);
    const uint64_t ones = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
    row[begin >> 6] |= ones << bit;
    begin += count;
  }
}

}  // namespace

Mask::Mask(int length) : length_(length), words_((length + 63) / 64) {
  SPARSWEEP_CHECK(length >= 0);
  bits_.resize(static_cast<size_t>(length) * words_);
}

int64_t Mask::kept() const {
  return std::accumulate(bits_.begin(), bits_.end(), int64_t{0},
                         [](int64_t sum, uint64_t word) { return sum + std::popcount(word); });
}

double Mask::density() const {
  if (length_ == 0) return 0;
  return static_cast<double>(kept()) / (static_cast<double>(length_) * length_);
}

int Mask::empty_rows() const {
  int count = 0;
  for (int query = 0; query < length_; ++query) {
    count += std::all_of(row(query), row(query) + words_, [](uint64_t word) { return word == 0; });
  }
  return count;
}

std::array<uint8_t, 32> Mask::Sha256() const {
  Sha256Hasher hasher;
  const uint32_t length = length_;
  hasher.Update(&length, sizeof length);
  if (length_ % 64 == 0) {
    hasher.Update(bits_.data(), bits_.size() * sizeof(uint64_t));
    return hasher.Finish();
  }
  // Rows follow each other without a gap: close up the words' unused bits.
  std::vector<uint64_t> packed((static_cast<uint64_t>(length_) * length_ + 63) / 64);
  uint64_t at = 0;
  for (int query = 0; query < length_; ++query) {
    for (int word = 0; word < words_; ++word) {
      const uint64_t bits = row(query)[word];
      const int shift = at & 63;
      packed[at >> 6] |= bits << shift;
      if (shift != 0 && (bits >> (64 - shift)) != 0) packed[(at >> 6) + 1] |= bits >> (64 - shift);
      at += std::min(64, length_ - word * 64);
    }
  }
  hasher.Update(packed.data(), (at + 7) / 8);
  return hasher.Finish();
}

std::string Mask::RowHex(int query) const {
  const auto* bytes = reinterpret_cast<const uint8_t*>(row(query));
  return Hex({bytes, static_cast<size_t>(length_ + 7) / 8});
}

namespace {

// Entries that a degree keeps over n tokens, the diagonal included.
int64_t KeptBy(const Window& pattern, int n, int w) {
  const int64_t d = pattern.dilation;
  const int64_t steps = std::min<int64_t>(w, (n - 1) / d);  // distances d, 2d, .. steps * d
  return n + 2 * (steps * n - d * steps * (steps + 1) / 2);
}
int64_t KeptBy(const Global&, int n, int g) {
  const int64_t rest = n - std::min(g, n);
  return int64_t{n} * n - (rest == 0 ? 0 : rest * (rest - 1));
}
int64_t KeptBy(const Random&, int n, int r) { return int64_t{n} * (1 + std::min(r, n - 1)); }

// The degree whose own density over n tokens is closest, ties to the smaller. Exact: kept counts
// are compared with n^2 * x in units of 10^-18.
template <typename P>
int ChooseDegree(const P& pattern, const Degree& degree, int n) {
  if (const int* count = std::get_if<int>(&degree)) return *count;
  __extension__ using Wide = __int128;
  const Wide wanted = Wide{n} * n * static_cast<Wide>(std::get<Density>(degree).units);
  const auto distance = [&](int candidate) {
    const Wide difference = Wide{KeptBy(pattern, n, candidate)} * Density::kOne - wanted;
    return difference < 0 ? -difference : difference;
  };
  // Kept counts rise with the degree up to some point and then stay, so the first degree that the
  // next one does not improve on is the best.
  int best = 0;
  while (best < n && distance(best + 1) < distance(best)) ++best;
  return best;
}

// Adds the entries that one pattern keeps to `mask`.
struct Builder {
  const MaskContext& context;
  Mask* mask;

  int n() const { return mask->length(); }

  void operator()(const Dense&) const {
    for (int i = 0; i < n(); ++i) KeepRange(mask->row(i), 0, n());
  }

  void operator()(const Self&) const {
    for (int i = 0; i < n(); ++i) mask->Keep(i, i);
  }

  void operator()(const Window& pattern) const {
    const int64_t d = pattern.dilation;
    const int64_t w = std::min<int64_t>(ChooseDegree(pattern, pattern.w, n()), (n() - 1) / d);
    for (int64_t i = 0; i < n(); ++i) {
      if (d == 1) {
        KeepRange(mask->row(i), std::max<int64_t>(0, i - w), std::min<int64_t>(n(), i + w + 1));
        continue;
      }
      const int64_t first = i - std::min(w, i / d) * d;
      const int64_t last = std::min<int64_t>(n() - 1, i + w * d);
      for (int64_t j = first; j <= last; j += d) mask->Keep(i, j);
    }
  }

  void operator()(const Global& pattern) const {
    const int g = std::min(ChooseDegree(pattern, pattern.g, n()), n());
    for (int i = 0; i < n(); ++i) {
      KeepRange(mask->row(i), 0, i < g ? n() : g);
      mask->Keep(i, i);
    }
  }

  void operator()(const Random& pattern) const {
    const int others = n() - 1;
    const int r = std::min(ChooseDegree(pattern, pattern.r, n()), others);
    if (r == others) return (*this)(Dense{});
    const uint32_t owner = pattern.draw == Draw::kPlan ? ~uint32_t{0}
                           : pattern.draw == Draw::kLayer
                               ? static_cast<uint32_t>(context.layer) * 65536 + 65535
                               : static_cast<uint32_t>(context.layer) * 65536 + context.head;
    const std::array<uint32_t, 2> key = {static_cast<uint32_t>(context.mask_seed),
                                         static_cast<uint32_t>(context.mask_seed >> 32)};
    // Partial Fisher-Yates over the other tokens in ascending order. One array serves all rows:
    // each row undoes its r swaps, so a row costs O(r), not O(n).
    std::vector<int> candidates(others);
    std::iota(candidates.begin(), candidates.end(), 0);
    std::vector<int> swapped(r);
    __extension__ using Wide = unsigned __int128;
    for (int i = 0; i < n(); ++i) {
      mask->Keep(i, i);
      for (int t = 0; t < r; ++t) {
        const auto words = Philox4x32(
            {static_cast<uint32_t>(t), static_cast<uint32_t>(i), owner, static_cast<uint32_t>(n())},
            key);
        const uint64_t u = (uint64_t{words[1]} << 32) + words[0];
        swapped[t] = t + static_cast<int>((Wide{u} * static_cast<uint64_t>(others - t)) >> 64);
        std::swap(candidates[t], candidates[swapped[t]]);
        mask->Keep(i, candidates[t] < i ? candidates[t] : candidates[t] + 1);
      }
      for (int t = r - 1; t >= 0; --t) std::swap(candidates[t], candidates[swapped[t]]);
    }
  }

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
      KeepRange(mask->row(i), begin, std::min<int64_t>(begin + size, n()));
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
};

}  // namespace

Mask BuildMask(const Pattern& pattern, int length, const MaskContext& context) {
  SPARSWEEP_CHECK(length >= 1);
  Mask mask(length);
  std::visit(Builder{context, &mask}, pattern.node);
  return mask;
}

}  // namespace sparsweep
