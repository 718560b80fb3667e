// The masks of a trial as the attention operator consumes them: for each layer, which heads share a
// mask, and the mask of every length that occurs. Built once per trial from core's Plan; masks are
// shared between heads, layers, batches and the trials of a process (MaskCache). Here lies the
// wiring of (layer, head, length) to a mask, which attestation.h checks from outside.
//
// Not here: what a pattern keeps (core/mask.h), and the arithmetic (attention.h). One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/mask.h"
#include "core/plan.h"
#include "core/result.h"
#include "core/sha256.h"

namespace sparsweep {

// How a head's attention is computed. Recorded with every result.
enum class AttentionPath { kDense, kBlock, kWindow, kMasked, kLearned };
const char* AttentionPathName(AttentionPath path);

// Who picks the path: kAuto takes what measured best for each head's masks; the others are forced on
// every head (tests and benchmarks), an error where a path cannot express a mask.
enum class PathChoice { kAuto, kDense, kBlock, kWindow, kMasked };
Result<PathChoice> ParsePathChoice(const std::string& name);

// The mask of one example, for patterns that are each example's own: BuildMask with the example's
// words and key in the context. `example` is an index into the trial's table (train first, then
// dev). Called from a thread of the plan's own.
using ExampleMasks = std::function<Mask(const Pattern&, const MaskContext&, int64_t example)>;
// The mask of a length where BuildMask has none to give: hardened masks of learned patterns.
using LengthMasks = std::function<Mask(const Pattern&, int length, const MaskContext&)>;

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
  AttentionPath path(int head) const { return slots_[slot_of_head_[head]].path; }
  AttentionPath slot_path(int slot) const { return slots_[slot].path; }
  int heads() const { return static_cast<int>(slot_of_head_.size()); }
  int slots() const { return static_cast<int>(slots_.size()); }
  int slot(int head) const { return slot_of_head_[head]; }
  // The mask of a slot for `length`, which must be one of the lengths the plan was built for.
  const Mask& at(int slot, int length) const { return slots_[slot].masks.at(length)->mask; }
  bool operator==(const LayerMasks& other) const = default;

 private:
  friend class MaskPlan;
  struct Slot {
    AttentionPath path = AttentionPath::kDense;
    std::map<int, std::shared_ptr<const KnownMask>> masks;
    bool operator==(const Slot& other) const = default;
  };
  std::vector<int> slot_of_head_;
  std::vector<Slot> slots_;
};

struct MaskPlanOptions {
  uint64_t mask_seed = 0;
  PathChoice choice = PathChoice::kAuto;
  ExampleMasks examples;  // wanted if and only if the plan is per example
  LengthMasks learned;    // for learned patterns; without it their heads take the path kLearned
};

class MaskPlan {
 public:
  // `lengths`: the real lengths that occur. Layers with equal masks share one LayerMasks. An error
  // where a forced path cannot express a mask.
  static Result<std::shared_ptr<const MaskPlan>> Make(const Plan& plan,
                                                      const MaskPlanOptions& options,
                                                      const std::set<int>& lengths,
                                                      MaskCache& cache);

  int layers() const { return static_cast<int>(layers_.size()); }
  const LayerMasks& layer(int layer) const { return *layers_[layer]; }

 private:
  std::vector<std::shared_ptr<const LayerMasks>> layers_;
};

}  // namespace sparsweep
