// Random keys without replacement, as a pure function of seed, owner, length and row: the draw of
// `random` and `bigbird_block` (docs/attention-language.md publishes it to the letter). One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/mask.h"
#include "core/pattern.h"

namespace sparsweep {

class RandomDraw {
 public:
  // `length` is the fourth word of the counter, and no row has more candidates than that.
  RandomDraw(const MaskContext& context, Draw draw, Each each, int length);

  // The first `count` places of a partial Fisher-Yates shuffle of the places 0 .. candidates - 1,
  // count <= candidates <= length. Valid until the next call.
  const std::vector<int>& Row(int row, int candidates, int count);

 private:
  std::array<uint32_t, 2> key_;
  uint32_t owner_;
  uint32_t length_;
  std::vector<int> places_;   // 0, 1, .. between calls: each call undoes its swaps
  std::vector<int> swapped_;  // of one call
  std::vector<int> drawn_;    // of one call
};

}  // namespace sparsweep
