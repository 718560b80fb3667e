// An attention mask over N real tokens as bit rows, and how a pattern becomes one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/pattern.h"

namespace sparsweep {

// M in {0,1}^{N x N}: at(i, j) keeps key j for query i, 0-indexed, real tokens only.
class Mask {
 public:
  explicit Mask(int length);  // nothing kept

  int length() const { return length_; }
  bool at(int query, int key) const { return (row(query)[key >> 6] >> (key & 63)) & 1; }
  void Keep(int query, int key) {
    bits_[static_cast<size_t>(query) * words_ + (key >> 6)] |= uint64_t{1} << (key & 63);
  }
  // words() 64-bit words, least significant bit first; bits at and beyond length() are 0.
  const uint64_t* row(int query) const { return &bits_[static_cast<size_t>(query) * words_]; }
  uint64_t* row(int query) { return &bits_[static_cast<size_t>(query) * words_]; }
  int words() const { return words_; }

  int64_t kept() const;    // kept entries
  double density() const;  // kept / N^2 (0 for N = 0)
  int empty_rows() const;  // queries without any kept key

  // SHA-256 of N as u32 little-endian, then the N*N bits row by row (no padding between rows),
  // least significant bit first, last byte zero-filled (patterns.md).
  std::array<uint8_t, 32> Sha256() const;
  // One row as hex, two digits a byte, least significant bit first within each byte,
  // ceil(N/8) bytes.
  std::string RowHex(int query) const;

  bool operator==(const Mask&) const = default;

 private:
  int length_;
  int words_;
  std::vector<uint64_t> bits_;
};

// Whose mask is drawn: random patterns depend on all of these.
struct MaskContext {
  uint64_t mask_seed = 0;
  int layer = 0;
  int head = 0;
  int max_length = 0;  // for over=max
};

// A pure function of its arguments (patterns.md has the definitions). `length` >= 1.
Mask BuildMask(const Pattern& pattern, int length, const MaskContext& context);

}  // namespace sparsweep
