// A mask with what is asked of it often. A value: any thread.
#pragma once

#include <cstdint>

#include "core/mask.h"
#include "core/sha256.h"

namespace sparsweep {

struct KnownMask {
  Mask mask;
  BlockWeights weights;  // of a weighted pattern, else none
  int64_t kept = 0;
  int empty_rows = 0;
  int64_t tiles_kept = 0;  // 64 x 64 tiles with a kept entry
  Digest hash{};

  static KnownMask Of(Mask mask);
};

}  // namespace sparsweep
