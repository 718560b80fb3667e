// What attestation counts of masks, and those that are each example's own: which heads and layers
// have them in common, their sums and hashes. Not here: how the operator is asked (attest.cc). One
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "attention/example_masks.h"
#include "core/plan.h"

namespace sparsweep {

// Sums over examples.
struct MaskCounts {
  int64_t kept = 0, empty_rows = 0, entries = 0, tiles = 0, tiles_kept = 0;

  void Add(const KnownMask& known, int64_t examples);
  void Add(const MaskCounts& other);
  double density() const;
  double tile_sparsity() const;
};

class OwnMasks {
 public:
  using Known = std::shared_ptr<const KnownMask>;

  // `context`: of the trial; layer, head and phase are filled in here.
  OwnMasks(const Plan& plan, const MaskContext& context);

  bool empty() const { return masks_.empty(); }
  // Which masks a head has, from 0; -1: its masks depend on the length.
  int index(int layer, int head) const { return index_[layer][head]; }
  // Layers that have all masks of examples in common: to ask one of them is to know.
  const std::vector<std::vector<int>>& groups() const { return groups_; }

  // The masks of these examples, in the order of their split, [index][example], counted where they
  // are (those of test are not).
  std::vector<std::vector<Known>> Count(const ExampleMasks& source,
                                        const std::vector<int64_t>& examples, Phase phase,
                                        bool counted);
  void Finish();  // once, after all examples

  const MaskCounts& counts(int index) const { return masks_[index].counts; }
  int64_t kept(int index, Phase phase) const { return masks_[index].kept[Number(phase)]; }
  // Hex, over the masks of the split in order.
  const std::string& digest(int index, Phase phase) const {
    return masks_[index].digest[Number(phase)];
  }

 private:
  struct Own {
    const Pattern* pattern = nullptr;
    MaskContext context = {};
    MaskCounts counts;
    Sha256Hasher hash[2];  // of train, of dev
    int64_t kept[2] = {0, 0};
    std::string digest[2];
  };
  static int Number(Phase phase) { return phase == Phase::kTraining ? 0 : 1; }

  std::deque<Own> masks_;
  std::vector<std::vector<int>> index_;   // layers x heads
  std::vector<std::vector<int>> groups_;  // of layers
};

}  // namespace sparsweep
