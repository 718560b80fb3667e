// What the kinds of trials do alike: the phases before their work, and around a training what it is
// asked and what is stored of it. Not here: the single phases (prepare.h), the loops (train.h,
// pretrain_train.h). The trial's thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>

#include "trainer/bert.h"
#include "trainer/learned_run.h"
#include "trainer/prepare.h"
#include "trainer/train.h"

namespace sparsweep {

// The phases check, load, tokenize, plan and attest, the last three as the kind has them.
struct KindPhases {
  std::function<MaybeFailure()> tokenize, make_model, attest;
};
MaybeFailure SetUp(const RunContext& run, Prepared* prepared, const KindPhases& kind,
                   TrialResult* result);

// Gives the model the parameters of the plan's learned patterns, if it has any.
void AddLearned(const RunContext& run, const Prepared& prepared, Bert& model,
                std::optional<LearnedRun>* learned);

// What the spec asks of a training; objective and metric are the kind's. All must outlive it.
TrainRequest TrainingOf(const RunContext& run, const Prepared& prepared,
                        std::optional<LearnedRun>& learned);
// Where the spec keeps weights: has them written to `folder` when they are the ones to keep.
void SaveTo(const std::filesystem::path& folder, const RunContext& run, const Prepared& prepared,
            const Bert& model, const std::optional<LearnedRun>& learned, TrainRequest* request);
// What came of it; `started` is when the trial began.
void StoreTrained(const TrainOutcome& trained, const TrainRequest& request,
                  std::chrono::steady_clock::time_point started, TrialResult* result);

// Device, threads, versions and peak memory.
void DescribeRun(const RunContext& run, at::Device device, TrialResult* result);
// The same, with what a training was over.
void DescribeTraining(const RunContext& run, const Prepared& prepared, TrialResult* result);

}  // namespace sparsweep
