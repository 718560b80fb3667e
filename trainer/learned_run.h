// What a trial with learned patterns does beside training: after each epoch it takes what was
// learned, hardens it to masks for evaluation, and keeps rows of both for the result. Not here:
// the parameters (degrees.h), the loop (train.h). One thread.
#pragma once

#include <memory>
#include <vector>

#include "attention/mask_plan.h"
#include "core/hardening.h"
#include "core/trial.h"
#include "trainer/degrees.h"
#include "trainer/plan_phase.h"

namespace sparsweep {

// The masks of a plan whose learned patterns are hardened. `learned` is needed for this call alone.
Result<std::shared_ptr<const MaskPlan>> HardenedMasks(const TrialMasks& masks,
                                                      const LearnedDegrees& learned,
                                                      PathChoice choice, MaskCache& cache);

class LearnedRun {
 public:
  // `masks` and `cache` must outlive this. `train`: lengths of the training split.
  LearnedRun(const TrialMasks& masks, const LengthCounts& train, PathChoice choice,
             MaskCache& cache, at::Device device)
      : masks_(masks), choice_(choice), cache_(cache), degrees_(masks.plan, train, device) {}

  const Degrees& degrees() const { return degrees_; }

  // Hardens what is learned so far. An error if it cannot be: parameters that are not finite.
  Status Harden();
  // As of the last Harden.
  const LearnedDegrees& learned() const { return learned_; }
  const MaskPlan& hardened() const { return *hardened_; }

  // Keeps the rows of an epoch, as of the last Harden, with the primary metric both ways.
  void Record(int epoch, double soft_value, double hardened_value);
  // The rows that Record added last.
  std::vector<DegreeRow> Last() const;
  // All rows; distributions of some epochs are left out where they are too many for a result. Never
  // those of the last.
  std::vector<DegreeRow> Rows() const;

 private:
  const TrialMasks& masks_;
  PathChoice choice_;
  MaskCache& cache_;
  Degrees degrees_;
  LearnedDegrees learned_;
  std::shared_ptr<const MaskPlan> hardened_;
  std::vector<DegreeRow> rows_;
};

// Leaves out the distributions of all but every k-th epoch before the last, with the smallest k for
// which no more than `most` numbers stay.
void ThinOut(std::vector<DegreeRow>* rows, int64_t most);

}  // namespace sparsweep
