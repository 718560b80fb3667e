#include "trainer/finetune_run.h"

#include <chrono>
#include <optional>

#include "core/kept_folder.h"
#include "trainer/attest_phase.h"
#include "trainer/bert.h"
#include "trainer/device.h"
#include "trainer/export.h"
#include "trainer/learned_run.h"
#include "trainer/model_options.h"
#include "trainer/padded_density.h"
#include "trainer/phases.h"
#include "trainer/train.h"

namespace sparsweep {
namespace {

// What one fine-tuning consists of: made by the phases, in their order.
class Finetune {
 public:
  explicit Finetune(const RunContext& run)
      : run_(run), objective_(Objective::Make(run.spec.task)) {}

  std::variant<TrialResult, Failure> Run() {
    const auto phase = [&](const char* name, double* seconds, auto body) {
      return RunPhase(run_.observer, name, seconds, body);
    };
    MaybeFailure failure =
        phase("check", &result_.load_seconds, [&] { return CheckTrial(run_, &prepared_); });
    if (!failure) {
      failure = phase("load", &result_.load_seconds, [&] { return LoadModel(run_, &prepared_); });
    }
    if (!failure) {
      failure = phase("tokenize", &result_.tokenize_seconds,
                      [&] { return TokenizeData(run_, &prepared_); });
    }
    if (!failure) failure = phase("plan", &result_.plan_seconds, [&] { return MakeModel(); });
    if (!failure) failure = phase("attest", &result_.attest_seconds, [&] { return AttestNow(); });
    if (!failure) CountBuiltMasks();
    if (!failure) failure = TrainModel();
    if (failure) return *failure;
    Describe();
    return result_;
  }

 private:
  MaybeFailure MakeModel() {
    if (MaybeFailure failure = MakeMasks(run_, &prepared_, &result_)) return failure;
    const TrialMasks& masks = *prepared_.masks;
    const TrialSpec& spec = run_.spec;
    auto options = ModelOptions(spec, prepared_);
    if (!options.ok()) return Refused(options.status());
    options->head.kind = objective_->per_token() ? HeadKind::kSpan : HeadKind::kSequence;
    options->head.outputs = objective_->outputs();
    model_.emplace(*prepared_.checkpoint, *options, *masks.mask_plan);
    if (masks.plan.learned()) {
      LengthCounts lengths;
      for (int length : prepared_.train.lengths()) ++lengths[length];
      learned_.emplace(masks, lengths, run_.options.path, run_.resident.masks, prepared_.device);
      model_->UseDegrees(learned_->degrees());
    }
    return {};
  }

  MaybeFailure AttestNow() { return AttestTrial(run_, prepared_, *model_, learned_, &result_); }

  // Masks of examples that the operator builds because it is asked stay for training: making them
  // is time of the plan.
  void CountBuiltMasks() {
    const MaskPlan& masks = *prepared_.masks->mask_plan;
    if (masks.forgot()) return;
    result_.plan_seconds += masks.waited_seconds();
    result_.attest_seconds -= masks.waited_seconds();
  }

  MaybeFailure TrainModel() {
    const TrialSpec& spec = run_.spec;
    run_.observer.OnPhase("train", TotalSteps(spec.training, prepared_.train.size()),
                          static_cast<int64_t>(spec.training.epochs));
    TrainRequest request;
    request.options = &spec.training;
    request.train = &prepared_.train;
    request.dev = &prepared_.dev();
    if (prepared_.test().size() > 0) request.test = &prepared_.test();
    request.objective = objective_.get();
    request.seed = spec.seed;
    request.device = prepared_.device;
    request.implementation = run_.options.implementation;
    request.learned = learned_ ? &*learned_ : nullptr;
    request.metric = PrimaryMetric(spec.task);
    request.lower_is_better = LowerIsBetter(request.metric);
    if (spec.keep != "none") {
      kept_.emplace(KeptFolder(run_.options.kept_folder, run_.attempt));
      request.save_when =
          spec.keep == "best" ? TrainRequest::Save::kBest : TrainRequest::Save::kLast;
      request.save = [&](const AdamW& optimizer) {
        return WriteModel(*model_, *prepared_.checkpoint, optimizer, spec, kept_->folder());
      };
    }
    const MaskPlan& masks = *prepared_.masks->mask_plan;
    const double waited = masks.waited_seconds();  // by the attestation
    auto outcome = Train(request, *model_, run_.observer);
    result_.plan_wait_seconds = masks.waited_seconds() - waited;
    if (auto* failure = std::get_if<Failure>(&outcome)) return *failure;
    const auto& trained = std::get<TrainOutcome>(outcome);
    result_.metric = request.metric;
    result_.value = trained.metrics.at(request.metric);
    result_.metrics = trained.metrics;
    if (request.test != nullptr) {
      result_.test_metrics = trained.test_metrics;
      result_.test_value = trained.test_metrics.at(request.metric);
      result_.test_examples = request.test->size();
    }
    result_.reported = spec.training.report;
    result_.reported_epoch = trained.epoch;
    result_.train_seconds = trained.train_seconds;
    result_.eval_seconds = trained.eval_seconds;
    result_.first_step_ms =
        std::chrono::duration<double, std::milli>(trained.first_step - started_).count();
    result_.steps = trained.steps;
    result_.flops = trained.flops;
    if (kept_) {
      auto files = kept_->Finish();
      if (!files.ok()) return Refused(files.status());
      result_.checkpoint = *files;
    }
    if (!learned_) return {};
    Stopwatch watch;  // what was learned in the meantime
    if (MaybeFailure failure = AttestNow()) return failure;
    result_.attest_seconds += watch.Lap();
    result_.degrees = learned_->Rows();
    return {};
  }

  void Describe() {
    result_.train_examples = prepared_.train.size();
    result_.eval_examples = prepared_.dev().size();
    result_.lengths = prepared_.masks->lengths;
    result_.device = DescribeDevice(prepared_.device);
    result_.threads = run_.options.threads;
    result_.versions = Versions();
    result_.peak_bytes = PeakBytes();
    result_.density_padded =
        PaddedDensity(run_.spec, prepared_.train, prepared_.dev(), result_.masks);
  }

  const RunContext& run_;
  const std::unique_ptr<const Objective> objective_;
  TrialResult result_;
  Prepared prepared_;
  std::optional<Bert> model_;
  std::optional<LearnedRun> learned_;
  std::optional<KeptModel> kept_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::variant<TrialResult, Failure> RunFinetune(const RunContext& run) {
  return Finetune(run).Run();
}

}  // namespace sparsweep
