#include "trainer/set_up.h"

#include "trainer/device.h"
#include "trainer/export.h"
#include "trainer/padded_density.h"
#include "trainer/phases.h"

namespace sparsweep {

MaybeFailure SetUp(const RunContext& run, Prepared* prepared, const KindPhases& kind,
                   TrialResult* result) {
  const auto phase = [&](const char* name, double* seconds, const auto& body) {
    return RunPhase(run.observer, name, seconds, body);
  };
  MaybeFailure failure =
      phase("check", &result->load_seconds, [&] { return CheckTrial(run, prepared); });
  if (!failure) {
    failure = phase("load", &result->load_seconds, [&] { return LoadModel(run, prepared); });
  }
  if (!failure) failure = phase("tokenize", &result->tokenize_seconds, kind.tokenize);
  if (!failure) failure = phase("plan", &result->plan_seconds, kind.make_model);
  if (!failure) failure = phase("attest", &result->attest_seconds, kind.attest);
  if (failure) return failure;
  // Masks of examples that the operator builds because it is asked stay for the work: making them
  // is time of the plan.
  const MaskPlan& masks = *prepared->masks->mask_plan;
  if (!masks.forgot()) {
    result->plan_seconds += masks.waited_seconds();
    result->attest_seconds -= masks.waited_seconds();
  }
  return {};
}

void AddLearned(const RunContext& run, const Prepared& prepared, Bert& model,
                std::optional<LearnedRun>* learned) {
  const TrialMasks& masks = *prepared.masks;
  if (!masks.plan.learned()) return;
  LengthCounts lengths;
  for (int length : prepared.train.lengths()) ++lengths[length];
  learned->emplace(masks, lengths, run.options.path, run.resident.masks, prepared.device);
  model.UseDegrees((*learned)->degrees());
}

TrainRequest TrainingOf(const RunContext& run, const Prepared& prepared,
                        std::optional<LearnedRun>& learned) {
  TrainRequest request;
  request.options = &run.spec.training;
  request.train = &prepared.train;
  request.dev = &prepared.dev();
  request.seed = run.spec.seed;
  request.device = prepared.device;
  request.implementation = run.options.implementation;
  request.learned = learned ? &*learned : nullptr;
  return request;
}

void SaveTo(const std::filesystem::path& folder, const RunContext& run, const Prepared& prepared,
            const Bert& model, const std::optional<LearnedRun>& learned, TrainRequest* request) {
  if (run.spec.keep == "none") return;
  request->save_when =
      run.spec.keep == "best" ? TrainRequest::Save::kBest : TrainRequest::Save::kLast;
  request->save = [&, folder](const AdamW& optimizer) {
    return WriteModel(model, *prepared.checkpoint, optimizer, run.spec, folder,
                      learned ? learned->Last() : std::vector<DegreeRow>());
  };
}

void StoreTrained(const TrainOutcome& trained, const TrainRequest& request,
                  std::chrono::steady_clock::time_point started, TrialResult* result) {
  result->metric = request.metric;
  result->value = trained.metrics.at(request.metric);
  result->metrics = trained.metrics;
  if (request.test != nullptr) {
    result->test_metrics = trained.test_metrics;
    result->test_value = trained.test_metrics.at(request.metric);
    result->test_examples = request.test->size();
  }
  result->reported = request.options->report;
  result->reported_epoch = trained.epoch;
  result->train_seconds = trained.train_seconds;
  result->eval_seconds = trained.eval_seconds;
  if (trained.first_step != std::chrono::steady_clock::time_point()) {
    result->first_step_ms =
        std::chrono::duration<double, std::milli>(trained.first_step - started).count();
  }
  result->steps = trained.steps;
  result->flops = trained.flops;
}

void DescribeRun(const RunContext& run, at::Device device, TrialResult* result) {
  result->device = DescribeDevice(device);
  result->threads = run.options.threads;
  result->versions = Versions();
  result->peak_bytes = PeakBytes();
}

void DescribeTraining(const RunContext& run, const Prepared& prepared, TrialResult* result) {
  DescribeRun(run, prepared.device, result);
  result->train_examples = prepared.train.size();
  result->eval_examples = prepared.dev().size();
  result->lengths = prepared.masks->lengths;
  result->density_padded = PaddedDensity(run.spec, prepared.train, prepared.dev(), result->masks);
}

}  // namespace sparsweep
