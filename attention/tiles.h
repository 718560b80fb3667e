// The entries of a mask as the attention kernels walk them: strips of up to 64 queries, and for each
// the ranges of keys that it meets: kept whole (full), kept in part (a bitmap), or not listed at all
// (absent). The same entries are listed a second time by strips of keys, for the backward pass.
//
// A path is how its tiles are made. Only MaskTiles looks at a mask; dense, block and window come
// from their numbers alone, so that nothing N x N is ever in memory. Not here: which path a pattern
// takes (mask_plan.h), and the arithmetic (strips.h). A value: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/mask.h"

namespace sparsweep {

inline constexpr int kTile = 64;

struct Tiles {
  using Bits = std::array<uint64_t, kTile>;  // bit c of word r: row r of the strip, column c
  struct Entry {
    int begin, count;  // columns; at most kTile where `bits` or `bias` say something
    int bits = -1;     // index into Tiles::bits; -1: full
    int bias = -1;     // index into Tiles::bias, added to the scores; -1: none
    bool operator==(const Entry&) const = default;
  };
  struct Strip {
    int begin, count;  // rows
    int first, last;   // entries [first, last)
  };
  struct Lists {
    std::vector<Strip> strips;
    std::vector<Entry> entries;
    int widest = 0;        // columns of the widest strip, each entry rounded up to 16
    int64_t elements = 0;  // rows x columns of all strips, so rounded
  };
  // Tokens first, first + step, .., count of them: numbers in the lists count these. A window with
  // a dilation is one part for each remainder, every other pattern a single one.
  struct Part {
    int first = 0, step = 1, count = 0;
    Lists by_query;  // rows are queries, columns keys
    Lists by_key;    // rows are keys, columns queries: the transposed entries
  };

  int length = 0;
  std::vector<Part> parts;
  std::vector<Bits> bits;
  std::vector<std::vector<float>> bias;  // kTile x kTile, row by row
  int64_t elements = 0;                  // of by_query, all parts
  int64_t entries = 0;                   // the same without the rounding: what is computed

  int64_t bytes() const;
};

// Everything.
Tiles DenseTiles(int length);
// Query block b keeps key block (b + shift) mod blocks; blocks of `size` tokens, cut at `length`.
Tiles BlockTiles(int length, int blocks, int size, int shift);
// abs(i-j) <= w * dilation and (i-j) mod dilation = 0.
Tiles WindowTiles(int length, int w, int dilation);
// The entries of a mask in tiles of 64 x 64.
Tiles MaskTiles(const Mask& mask);
// The same with weights: the logarithm of each block's count is added to its scores.
Tiles MaskTiles(const Mask& mask, const BlockWeights& weights);

// 64 x 64 bits, transposed.
Tiles::Bits Transposed(const Tiles::Bits& bits);

}  // namespace sparsweep
