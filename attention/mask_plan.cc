#include "attention/mask_plan.h"

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
  if (Draws(pattern)) {
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
  return path == AttentionPath::kDense ? "dense" : "masked";
}

MaskPlan::MaskPlan(const Plan& plan, uint64_t mask_seed, const std::set<int>& lengths,
                   PathChoice choice, MaskCache& cache) {
  for (int layer = 0; layer < plan.layers(); ++layer) {
    LayerMasks made;
    bool all_dense = true;
    for (int head = 0; head < plan.heads(); ++head) {
      std::map<int, std::shared_ptr<const KnownMask>> by_length;
      for (int length : lengths) {
        by_length[length] = cache.Get(plan.at(layer, head), length,
                                      {mask_seed, layer, head, plan.context().max_length});
        all_dense &= by_length[length]->kept == int64_t{length} * length;
      }
      // Equal means equal masks, not equal patterns: `window(9)` and `dense` share where no text is
      // longer than ten tokens.
      int slot = 0;
      for (; slot < made.slots(); ++slot) {
        bool equal = true;
        for (int length : lengths)
          equal &= made.slots_[slot][length]->hash == by_length[length]->hash;
        if (equal) break;
      }
      if (slot == made.slots()) made.slots_.push_back(std::move(by_length));
      made.slot_of_head_.push_back(slot);
    }
    made.path_ =
        all_dense && choice == PathChoice::kAuto ? AttentionPath::kDense : AttentionPath::kMasked;
    std::shared_ptr<const LayerMasks> shared;
    for (const auto& earlier : layers_) {
      if (*earlier == made) shared = earlier;
    }
    layers_.push_back(shared ? shared : std::make_shared<const LayerMasks>(std::move(made)));
  }
}

}  // namespace sparsweep
