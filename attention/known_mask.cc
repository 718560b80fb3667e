#include "attention/known_mask.h"

#include <algorithm>

#include "attention/tiles.h"

namespace sparsweep {
namespace {

int64_t TilesKept(const Mask& mask) {
  const int tiles = (mask.length() + kTile - 1) / kTile;
  int64_t kept = 0;
  for (int row = 0; row < tiles; ++row) {
    for (int column = 0; column < tiles; ++column) {  // a tile is one word wide
      uint64_t any = 0;
      for (int i = row * kTile; i < std::min(mask.length(), (row + 1) * kTile); ++i)
        any |= mask.row(i)[column];
      kept += any != 0;
    }
  }
  return kept;
}

}  // namespace

KnownMask KnownMask::Of(Mask mask) {
  KnownMask known{std::move(mask), {}};
  known.kept = known.mask.kept();
  known.empty_rows = known.mask.empty_rows();
  known.tiles_kept = TilesKept(known.mask);
  known.hash = known.mask.Sha256();
  return known;
}

}  // namespace sparsweep
