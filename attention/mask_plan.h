// The masks of a trial as the attention operator consumes them: for each layer, which heads share a
// mask, by which path each is computed, and the tiles of every length that occurs, or of every
// example where a mask is an example's own. Built from core's Plan; masks and tiles are shared
// between heads, layers, batches and the trials of a process (MaskCache). Here lies the wiring of
// (layer, head, length or example) to a mask, which attestation.h checks from outside.
//
// Not here: what a pattern keeps (core/mask.h), and the arithmetic (attention.h). One thread; masks
// of examples are built by a second one (example_masks.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attention/example_masks.h"
#include "attention/known_mask.h"
#include "attention/tiles.h"
#include "core/mask.h"
#include "core/plan.h"
#include "core/result.h"

namespace sparsweep {

// How a head's attention is computed. Recorded with every result.
enum class AttentionPath { kDense, kBlock, kWindow, kMasked, kLearned };
const char* AttentionPathName(AttentionPath path);

// Who picks the path: kAuto takes what measured best for each head's masks; the others are forced on
// every head (tests and benchmarks), an error where a path cannot express a mask.
enum class PathChoice { kAuto, kDense, kBlock, kWindow, kMasked };
Result<PathChoice> ParsePathChoice(const std::string& name);

// The mask of a length where BuildMask has none to give: hardened masks of learned patterns.
using LengthMasks = std::function<Mask(const Pattern&, int length, const MaskContext&)>;

// Masks by (pattern, length, and of the context what the pattern depends on), and tiles by path.
// Grows to `max_bytes`, then starts afresh; what is in use stays alive through its owners.
class MaskCache {
 public:
  explicit MaskCache(int64_t max_bytes = int64_t{1} << 28) : max_bytes_(max_bytes) {}
  // The pattern is neither learned nor an example's own.
  std::shared_ptr<const KnownMask> Get(const Pattern& pattern, int length,
                                       const MaskContext& context);
  // A mask that comes from elsewhere, one object with any equal one.
  std::shared_ptr<const KnownMask> Share(Mask mask);
  // The tiles of that mask on a path; null where the path cannot express it.
  std::shared_ptr<const Tiles> GetTiles(AttentionPath path, const Pattern& pattern,
                                        const KnownMask& known, const MaskContext& context);
  size_t size() const { return masks_.size(); }

 private:
  void Account(int64_t bytes);

  int64_t max_bytes_;
  int64_t bytes_ = 0;
  std::map<std::string, std::shared_ptr<const KnownMask>> masks_;    // by what was asked
  std::map<std::string, std::shared_ptr<const KnownMask>> by_hash_;  // equal masks are one object
  std::map<std::string, std::shared_ptr<const Tiles>> tiles_;
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
  bool learned() const;  // some head takes the path kLearned
  // What a slot keeps in a text of `length` tokens, one of those that the plan was built for;
  // `example` as in AttentionBatch. For a pattern that is each example's own, this waits until the
  // mask is built. Nothing on the path kLearned: Attend outputs 0 there.
  std::shared_ptr<const Tiles> tiles(int slot, int length, int64_t example, Phase phase) const;
  bool operator==(const LayerMasks& other) const = default;

 private:
  friend class MaskPlan;
  using ByLength = std::map<int, std::shared_ptr<const Tiles>>;
  struct Slot {
    AttentionPath path = AttentionPath::kDense;
    ByLength training, evaluation;         // one and the same unless the pattern knows the phase
    std::shared_ptr<ExampleTiles> examples;  // and these where they are each example's own
    int item = -1;                         // which of them
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
  // Has the masks of these examples built in the background: call it a few batches ahead.
  void Prefetch(const std::vector<int64_t>& examples) const;
  // Seconds in which the calling thread waited for masks of examples, and whether some of those are
  // forgotten again, so that they will be built anew.
  double waited_seconds() const;
  bool forgot() const;

 private:
  static Status Fill(const Pattern& pattern, const MaskPlanOptions& options,
                     const std::optional<AttentionPath>& forced, const std::set<int>& lengths,
                     const MaskContext& context, MaskCache& cache, LayerMasks::Slot* slot);

  std::vector<Pattern> patterns_;  // of the plan: the examples' masks are built after it is gone
  std::vector<std::shared_ptr<const LayerMasks>> layers_;
  std::shared_ptr<ExampleTiles> examples_;
};

}  // namespace sparsweep
