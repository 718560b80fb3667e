// An attention mask over N real tokens as bit rows, and how a pattern becomes one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
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
  void KeepRange(int query, int begin, int end);  // keys [begin, end); nothing where end <= begin
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

class TextMasks;  // core/text_masks.h

enum class Phase { kTraining, kEvaluation };

// Whose mask is built. A pattern depends on no more of it than it must (the predicates of
// core/pattern.h): only then is it looked at.
struct MaskContext {
  uint64_t mask_seed = 0;
  int layer = 0;
  int head = 0;
  int max_length = 0;               // over=max
  int heads = 0;                    // of the model: exact=hf, whose draws depend on it
  uint64_t example_key = 0;         // each=example: ExampleKey
  Phase phase = Phase::kTraining;   // exact=hf
  const TextMasks* text = nullptr;  // syntax, lexical; null: there is no text
};

// Names an example for each=example: the first 8 bytes, little-endian, of SHA-256 of
// "split/row/window". `split` is "train", "dev" or "test", `row` the number of the example in that
// split as read, from 0, `window` that of the piece of a long text (0 where texts are not cut).
uint64_t ExampleKey(std::string_view split, int64_t row, int64_t window);

// The entries that are kept: a pure function of its arguments (patterns.md has the definitions).
// `length` >= 1. A pattern that NeedsText needs context.text, one that IsLearned has no mask.
Mask BuildMask(const Pattern& pattern, int length, const MaskContext& context);

// The integer weights of exact=hf: how often the keys of a block count for the queries of a block.
struct BlockWeights {
  int block = 1;            // tokens
  int blocks = 0;           // ceil(length / block)
  std::vector<int> counts;  // blocks x blocks, row by row; 0: not kept
  int at(int row_block, int column_block) const {
    return counts[static_cast<size_t>(row_block) * blocks + column_block];
  }
};

// BuildMask keeps exactly the entries whose block counts; the logarithm of the count is their bias.
BlockWeights BlockMultiplicity(const BigBirdBlock& pattern, int length, const MaskContext& context);

}  // namespace sparsweep
