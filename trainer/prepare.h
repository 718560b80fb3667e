// What a trial needs before it computes, phase by phase: check, load, tokenize, plan. The kinds of
// trials share these; what they do with it is theirs (finetune_run.h). The trial's thread.
#pragma once

#include <memory>
#include <string>

#include "core/trial.h"
#include "trainer/failure.h"
#include "trainer/plan_phase.h"
#include "trainer/resident.h"
#include "trainer/trial_run.h"

namespace sparsweep {

// One run of a trial: what it was given.
struct RunContext {
  const TrialSpec& spec;
  const std::string& attempt;
  const TrainerOptions& options;
  Resident& resident;
  TrialObserver& observer;
};

// What the phases made, each for the next. Big parts are shared with the Resident.
struct Prepared {
  // CheckTrial
  at::Device device = at::kCPU;
  std::string model_hash, data_hash;
  // LoadModel
  std::shared_ptr<const Checkpoint> checkpoint;
  // TokenizeData
  std::shared_ptr<const TokenizedData> data;
  TokenizedSplit train;  // the trial's own first examples
  const TokenizedSplit& dev() const { return data->dev; }
  const TokenizedSplit& test() const { return data->test; }  // may be empty
  // MakeMasks
  std::unique_ptr<const TrialMasks> masks;
};

// The type of an encoder's products.
at::ScalarType PrecisionOf(const TrainingOptions& training);
// The device, and that the files here are those the trial means.
MaybeFailure CheckTrial(const RunContext& run, Prepared* prepared);
MaybeFailure LoadModel(const RunContext& run, Prepared* prepared);
MaybeFailure TokenizeData(const RunContext& run, Prepared* prepared);
// The texts of a trial with all that its plan needs of them, after TokenizeData.
Result<std::shared_ptr<TrialTexts>> TextsOf(const RunContext& run, const Prepared& prepared,
                                            const Plan& plan);
// The plan and its masks at the lengths of the data; warnings about them go into the result.
MaybeFailure MakeMasks(const RunContext& run, Prepared* prepared, TrialResult* result);

}  // namespace sparsweep
