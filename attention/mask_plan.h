// The masks of a trial as the attention operator consumes them: for each layer, which heads share a
// mask, and the mask of every length that occurs. Built once per trial from core's Plan; masks are
// shared between heads, layers, batches and the trials of a process (MaskCache). Here lies the
// wiring of (layer, head, length) to a mask, which attestation.h checks from outside.
//
// Not here: what a pattern keeps (core/mask.h), and the arithmetic (attention.h). One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/mask.h"
#include "core/plan.h"
#include "core/sha256.h"

namespace sparsweep {

// How a layer's attention is computed. Recorded with every result.
enum class AttentionPath { kDense, kMasked };
const char* AttentionPathName(AttentionPath path);

// Who picks the path: kAuto takes dense where every head of the layer keeps everything. kMasked
// applies masks even there.
enum class PathChoice { kAuto, kMasked };

// A mask with what is asked of it often.
struct KnownMask {
  Mask mask;
  int64_t kept;
  int empty_rows;
  int64_t tiles_kept;  // 64 x 64 tiles with a kept entry
  Digest hash;
};

// Masks by (pattern, length, and the draw's context where the pattern draws). Grows to `max_bytes`,
// then starts afresh; masks in use stay alive through their owners.
class MaskCache {
 public:
  explicit MaskCache(int64_t max_bytes = int64_t{1} << 30) : max_bytes_(max_bytes) {}
  std::shared_ptr<const KnownMask> Get(const Pattern& pattern, int length,
                                       const MaskContext& context);
  size_t size() const { return masks_.size(); }

 private:
  int64_t max_bytes_;
  int64_t bytes_ = 0;
  std::map<std::string, std::shared_ptr<const KnownMask>> masks_;  // by what was asked
  std::map<Digest, std::shared_ptr<const KnownMask>> by_hash_;     // equal masks are one object
};

// The masks of one layer. Heads with equal masks at every length share a slot; slots are numbered
// by first head.
class LayerMasks {
 public:
  AttentionPath path() const { return path_; }
  int heads() const { return static_cast<int>(slot_of_head_.size()); }
  int slots() const { return static_cast<int>(slots_.size()); }
  int slot(int head) const { return slot_of_head_[head]; }
  // The mask of a slot for `length`, which must be one of the lengths the plan was built for.
  const Mask& at(int slot, int length) const { return slots_[slot].at(length)->mask; }
  bool operator==(const LayerMasks& other) const = default;

 private:
  friend class MaskPlan;
  AttentionPath path_ = AttentionPath::kDense;
  std::vector<int> slot_of_head_;
  std::vector<std::map<int, std::shared_ptr<const KnownMask>>> slots_;
};

class MaskPlan {
 public:
  // `lengths`: the real lengths that occur. Layers with equal masks share one LayerMasks.
  MaskPlan(const Plan& plan, uint64_t mask_seed, const std::set<int>& lengths, PathChoice choice,
           MaskCache& cache);

  int layers() const { return static_cast<int>(layers_.size()); }
  const LayerMasks& layer(int layer) const { return *layers_[layer]; }

 private:
  std::vector<std::shared_ptr<const LayerMasks>> layers_;
};

}  // namespace sparsweep
