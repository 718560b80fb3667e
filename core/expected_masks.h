// What an attestation must say, recomputed from the plan: counts, hashes and root of the masks of
// one trial (docs/attestation.md, "Byte forms").
//
// Not here: what the operator really did, which only the trainer can ask (attention/attest.h). One
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/hardening.h"
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

// Whether some mask of the plan is each example's own: of its text, or drawn for it. Then Of needs
// `own` in ExpectedExamples.
bool NeedsExamples(const Plan& plan);
// Whether counts (not hashes) depend on which examples are trained on and which evaluated.
bool NeedsSplit(const Plan& plan);

// The examples of a trial as far as masks depend on them.
struct ExpectedExamples {
  std::map<int, int64_t> lengths;  // real length -> examples of train and dev, each 1 .. max_length
  std::map<int, int64_t> dev_lengths;  // of these, dev's
  // The mask of an example where it is its own; examples are numbered train first, then dev.
  std::function<Mask(const Pattern&, const MaskContext&, int64_t example)> own = {};
  int64_t train = 0, dev = 0;  // how many, for `own`
};

class ExpectedMasks {
 public:
  // `paths`: the path of each (layer, head), layer-major; it is part of the root and not of the
  // plan. Masks of learned patterns follow from what was `learned`.
  ExpectedAttestation Of(const Plan& plan, uint64_t mask_seed, const ExpectedExamples& examples,
                         const std::vector<std::string>& paths,
                         const LearnedDegrees* learned = nullptr);

  struct Known {  // of one mask
    int64_t kept = 0, empty_rows = 0, tiles_kept = 0;
    Digest hash{};
  };

 private:
  struct Sum;
  Known At(const std::string& pattern_text, const Pattern& pattern, int length,
           const MaskContext& context, const LearnedDegrees* learned);
  void AddLengths(const std::string& pattern_text, const Pattern& pattern, MaskContext context,
                  const ExpectedExamples& examples, const LearnedDegrees* learned, Sum* sum);
  void AddOwn(const Pattern& pattern, MaskContext context, const ExpectedExamples& examples,
              Sum* sum);

  std::unordered_map<std::string, Known> known_;  // a cache: dropped when it has grown large
};

}  // namespace sparsweep
