// Which tokens of a sequence MLM hides, and what stands in their place: of the tokens that are not
// special 15 % are chosen, one at least; 80 % of these become the mask token, 10 % a random one, 10
// % stay. Dynamic: a pure function of (seed, epoch, sequence, position), so that any step can be
// computed again. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace sparsweep {

// Purposes of random streams beside those of attention/dropout.h; numbers are part of the numerics
// version.
inline constexpr uint32_t kMaskingStream = 4, kMadeUpIdStream = 5;

struct Masking {
  uint64_t seed = 0;
  int32_t mask_token = 0;
  int32_t vocab = 0;             // random tokens are among 0 .. vocab - 1
  std::vector<int32_t> special;  // sorted ids that are never chosen

  // Validation hides the same tokens at every evaluation of every trial.
  static constexpr uint32_t kValidation = 0xFFFFFFFF;

  struct Chosen {
    int position;
    int32_t truth;
  };
  // Hides tokens of ids[0..count) in place; returns what was there, in order of the positions.
  // Nothing is chosen where all tokens are special. `sequence` is its number in the split.
  std::vector<Chosen> Hide(uint32_t epoch, int64_t sequence, int64_t* ids, int count) const;
};

}  // namespace sparsweep
