#include "attention/mask_plan.h"

#include <algorithm>

namespace sparsweep {
namespace {

constexpr int kTile = 64;

int64_t TilesKept(const Mask& mask) {
  int tiles = (mask.length() + kTile - 1) / kTile;
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

std::shared_ptr<const KnownMask> MaskCache::Get(const Pattern& pattern, int length,
                                                const MaskContext& context) {
  std::string key =
      ToText(pattern) + "|" + std::to_string(length) + "|" + std::to_string(context.max_length);
  if (DependsOnHead(pattern) || Draws(pattern)) {
    for (uint64_t part : {context.mask_seed, uint64_t(context.layer), uint64_t(context.head)}) {
      key += "|" + std::to_string(part);
    }
  }
  auto found = masks_.find(key);
  if (found != masks_.end()) return found->second;
  Mask mask = BuildMask(pattern, length, context);
  Digest hash = mask.Sha256();
  if (!by_hash_.contains(hash)) {
    int64_t bytes = int64_t{8} * mask.words() * length;
    if (bytes_ + bytes > max_bytes_) {
      masks_.clear();
      by_hash_.clear();
      bytes_ = 0;
    }
    bytes_ += bytes;
    KnownMask made{mask, mask.kept(), mask.empty_rows(), TilesKept(mask), hash};
    by_hash_[hash] = std::make_shared<const KnownMask>(std::move(made));
  }
  return masks_[key] = by_hash_[hash];
}

const char* AttentionPathName(AttentionPath path) {
  static constexpr const char* kNames[] = {"dense", "block", "window", "masked", "learned"};
  return kNames[static_cast<int>(path)];
}

Result<PathChoice> ParsePathChoice(const std::string& name) {
  static constexpr const char* kNames[] = {"auto", "dense", "block", "window", "masked"};
  for (int i = 0; i < 5; ++i) {
    if (name == kNames[i]) return static_cast<PathChoice>(i);
  }
  return InvalidArgument("attention path \"" + name +
                         "\" is none of: auto, dense, block, window, masked");
}

Result<std::shared_ptr<const MaskPlan>> MaskPlan::Make(const Plan& plan,
                                                       const MaskPlanOptions& options,
                                                       const std::set<int>& lengths,
                                                       MaskCache& cache) {
  auto masks = std::make_shared<MaskPlan>();
  for (int layer = 0; layer < plan.layers(); ++layer) {
    LayerMasks made;
    for (int head = 0; head < plan.heads(); ++head) {
      LayerMasks::Slot wanted;
      bool dense = true;
      for (int length : lengths) {
        auto& known = wanted.masks[length];
        known = cache.Get(plan.at(layer, head), length,
                          {options.mask_seed, layer, head, plan.context().max_length, plan.heads()});
        dense &= known->kept == int64_t{length} * length;
      }
      wanted.path = dense && options.choice == PathChoice::kAuto ? AttentionPath::kDense
                                                                 : AttentionPath::kMasked;
      // Equal means equal masks (one object in the cache), not equal patterns: `window(9)` and
      // `dense` share where no text is longer than ten tokens.
      int slot = 0;
      while (slot < made.slots() && !(made.slots_[slot] == wanted)) ++slot;
      if (slot == made.slots()) made.slots_.push_back(std::move(wanted));
      made.slot_of_head_.push_back(slot);
    }
    std::shared_ptr<const LayerMasks> shared;
    for (const auto& earlier : masks->layers_) {
      if (*earlier == made) shared = earlier;
    }
    masks->layers_.push_back(shared ? shared
                                    : std::make_shared<const LayerMasks>(std::move(made)));
  }
  return std::shared_ptr<const MaskPlan>(std::move(masks));
}

}  // namespace sparsweep
