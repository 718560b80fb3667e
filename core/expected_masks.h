// What an attestation must say, recomputed from the plan: counts, hashes and root of the masks of
// one trial (docs/attestation.md, "Byte forms").
//
// Not here: what the operator really did, which only the trainer can ask (attention/attest.h). One
// thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/hardening.h"
#include "core/mask.h"
#include "core/mask.h"
#include "core/plan.h"
#include "core/sha256.h"
#include "core/trial.h"

namespace sparsweep {

struct ExpectedAttestation {
  std::vector<MaskRow> rows;  // layers x heads, with the paths that were given
  std::string root;
  double density = 1;
  double tile_sparsity = 0;
};

// Whether the masks follow from plan, mask seed, lengths and what was learned. Otherwise they need
// the texts or the phase, and Of must not be called.
bool FollowsFromThePlan(const Plan& plan);

class ExpectedMasks {
 public:
  // `lengths`: real length -> examples, each length 1 .. the plan's max_length. `paths`: the path
  // of each (layer, head), layer-major; it is part of the root and not of the plan. Masks of the
  // plan must follow from the lengths, those of learned patterns also from what was `learned`.
  ExpectedAttestation Of(const Plan& plan, uint64_t mask_seed,
                         const std::map<int, int64_t>& lengths,
                         const std::vector<std::string>& paths,
                         const LearnedDegrees* learned = nullptr);

  struct Known {  // of one mask
    int64_t kept = 0, empty_rows = 0, tiles_kept = 0;
    Digest hash{};
  };

 private:
  const Known& At(const std::string& pattern_text, const Pattern& pattern, int length,
                  const MaskContext& context);

  std::unordered_map<std::string, Known> known_;  // a cache: dropped when it has grown large
};

}  // namespace sparsweep
