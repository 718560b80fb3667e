// See mask.h. What a mask is; how patterns fill it: build_mask.cc.
#include "core/mask.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "core/result.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are hashed as they lie in memory");

}  // namespace

Mask::Mask(int length) : length_(length), words_((length + 63) / 64) {
  SPARSWEEP_CHECK(length >= 0);
  bits_.resize(static_cast<size_t>(length) * words_);
}

void Mask::KeepRange(int query, int begin, int end) {
  uint64_t* bits = row(query);
  while (begin < end) {
    const int bit = begin & 63;
    const int count = std::min(64 - bit, end - begin);
    const uint64_t ones = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
    bits[begin >> 6] |= ones << bit;
    begin += count;
  }
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

}  // namespace sparsweep
