#include "trainer/finetune_run.h"

#include <chrono>
#include <optional>

#include "core/kept_folder.h"
#include "trainer/attest_phase.h"
#include "trainer/export.h"
#include "trainer/model_options.h"
#include "trainer/phases.h"
#include "trainer/set_up.h"

namespace sparsweep {
namespace {

// What one fine-tuning consists of: made by the phases, in their order.
class Finetune {
 public:
  explicit Finetune(const RunContext& run)
      : run_(run), objective_(Objective::Make(run.spec.task)) {}

  std::variant<TrialResult, Failure> Run() {
    const KindPhases phases{[this] { return TokenizeData(run_, &prepared_); },
                            [this] { return MakeModel(); }, [this] { return AttestNow(); }};
    MaybeFailure failure = SetUp(run_, &prepared_, phases, &result_);
    if (!failure) failure = TrainModel();
    if (failure) return *failure;
    DescribeTraining(run_, prepared_, &result_);
    return result_;
  }

 private:
  MaybeFailure MakeModel() {
    if (MaybeFailure failure = MakeMasks(run_, &prepared_, &result_)) return failure;
    auto options = ModelOptions(run_.spec, prepared_);
    if (!options.ok()) return Refused(options.status());
    options->head.kind = objective_->per_token() ? HeadKind::kSpan : HeadKind::kSequence;
    options->head.outputs = objective_->outputs();
    model_.emplace(*prepared_.checkpoint, *options, *prepared_.masks->mask_plan);
    AddLearned(run_, prepared_, *model_, &learned_);
    return {};
  }

  MaybeFailure AttestNow() { return AttestTrial(run_, prepared_, *model_, learned_, &result_); }

  MaybeFailure TrainModel() {
    const TrialSpec& spec = run_.spec;
    run_.observer.OnPhase("train", TotalSteps(spec.training, prepared_.train.size()),
                          static_cast<int64_t>(spec.training.epochs));
    TrainRequest request = TrainingOf(run_, prepared_, learned_);
    if (prepared_.test().size() > 0) request.test = &prepared_.test();
    request.objective = objective_.get();
    request.metric = PrimaryMetric(spec.task);
    request.lower_is_better = LowerIsBetter(request.metric);
    std::optional<KeptModel> kept;
    if (spec.keep != "none") {
      kept.emplace(KeptFolder(run_.options.kept_folder, run_.attempt));
      SaveTo(kept->folder(), run_, prepared_, *model_, learned_, &request);
    }
    const MaskPlan& masks = *prepared_.masks->mask_plan;
    const double waited = masks.waited_seconds();  // by the attestation
    auto outcome = Train(request, *model_, run_.observer);
    result_.plan_wait_seconds = masks.waited_seconds() - waited;
    if (auto* failure = std::get_if<Failure>(&outcome)) return *failure;
    StoreTrained(std::get<TrainOutcome>(outcome), request, started_, &result_);
    if (kept) {
      auto files = kept->Finish();
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

  const RunContext& run_;
  const std::unique_ptr<const Objective> objective_;
  TrialResult result_;
  Prepared prepared_;
  std::optional<Bert> model_;
  std::optional<LearnedRun> learned_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::variant<TrialResult, Failure> RunFinetune(const RunContext& run) {
  return Finetune(run).Run();
}

}  // namespace sparsweep
