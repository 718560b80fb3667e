// See random_draw.h.
#include "core/random_draw.h"

#include <numeric>
#include <utility>

#include "core/philox.h"

namespace sparsweep {
namespace {

uint32_t OwnerOf(const MaskContext& context, Draw draw) {
  if (draw == Draw::kPlan) return ~uint32_t{0};
  const uint32_t layer = static_cast<uint32_t>(context.layer) * 65536;
  return draw == Draw::kLayer ? layer + 65535 : layer + static_cast<uint32_t>(context.head);
}

}  // namespace

RandomDraw::RandomDraw(const MaskContext& context, Draw draw, Each each, int length)
    : owner_(OwnerOf(context, draw)), length_(static_cast<uint32_t>(length)), places_(length) {
  const uint64_t key =
      context.mask_seed ^ (each == Each::kExample ? context.example_key : uint64_t{0});
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  std::iota(places_.begin(), places_.end(), 0);
}

const std::vector<int>& RandomDraw::Row(int row, int candidates, int count) {
  __extension__ using Wide = unsigned __int128;
  swapped_.resize(count);
  drawn_.resize(count);
  for (int t = 0; t < count; ++t) {
    const auto words =
        Philox4x32({static_cast<uint32_t>(t), static_cast<uint32_t>(row), owner_, length_}, key_);
    const uint64_t u = (uint64_t{words[1]} << 32) + words[0];
    swapped_[t] = t + static_cast<int>((Wide{u} * static_cast<uint64_t>(candidates - t)) >> 64);
    std::swap(places_[t], places_[swapped_[t]]);
    drawn_[t] = places_[t];
  }
  for (int t = count - 1; t >= 0; --t) std::swap(places_[t], places_[swapped_[t]]);
  return drawn_;
}

}  // namespace sparsweep
