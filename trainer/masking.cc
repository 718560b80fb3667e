#include "trainer/masking.h"

#include <algorithm>
#include <array>

#include "core/philox.h"

namespace sparsweep {
namespace {

constexpr uint32_t kChosen = 644245094;     // 0.15 * 2^32
constexpr uint32_t kMasked = 3435973837;    // 0.8 * 2^32
constexpr uint32_t kReplaced = 3865470566;  // 0.9 * 2^32

}  // namespace

std::vector<Masking::Chosen> Masking::Hide(uint32_t epoch, int64_t sequence, int64_t* ids,
                                           int count) const {
  const uint64_t key = epoch == kValidation ? 0 : seed;
  const auto draw = [&](int position) {
    return Philox4x32({static_cast<uint32_t>(position), static_cast<uint32_t>(sequence),
                       kMaskingStream << 24, epoch},
                      {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
  };
  std::vector<Chosen> chosen;
  int lowest = -1;
  uint32_t lowest_draw = 0;
  const auto hide = [&](int position, const std::array<uint32_t, 4>& words) {
    chosen.push_back({position, static_cast<int32_t>(ids[position])});
    if (words[1] < kMasked) {
      ids[position] = mask_token;
    } else if (words[1] < kReplaced) {
      ids[position] = static_cast<int64_t>(uint64_t{words[2]} * static_cast<uint64_t>(vocab) >> 32);
    }
  };
  for (int i = 0; i < count; ++i) {
    if (std::ranges::binary_search(special, static_cast<int32_t>(ids[i]))) continue;
    const auto words = draw(i);
    if (words[0] < kChosen) hide(i, words);
    if (lowest < 0 || words[0] < lowest_draw) {
      lowest = i;
      lowest_draw = words[0];
    }
  }
  if (chosen.empty() && lowest >= 0) hide(lowest, draw(lowest));
  return chosen;
}

}  // namespace sparsweep
