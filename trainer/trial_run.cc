#include "trainer/trial_run.h"

#include <ATen/Parallel.h>

#include "core/trial_model.h"
#include "trainer/device.h"
#include "trainer/finetune_run.h"
#include "trainer/infer_run.h"
#include "trainer/pretrain_run.h"
#include "trainer/profile_run.h"

namespace sparsweep {

Status TrialRunner::FillFingerprints(TrialSpec* spec) {
  auto model = ModelFingerprint(ModelFolder(options_.data_folder, *spec), resident_.hashes,
                                spec->training.init == "pretrained");
  if (!model.ok()) return model.status();
  if (spec->model_fingerprint.empty()) spec->model_fingerprint = *model;
  if (!HasTask(*spec)) return {};
  auto data = DataFingerprint(options_.data_folder, spec->task, resident_.hashes);
  if (!data.ok()) return data.status();
  if (spec->data_fingerprint.empty()) spec->data_fingerprint = *data;
  return {};
}

std::variant<TrialResult, Failure> TrialRunner::Run(const TrialSpec& spec,
                                                    const std::string& attempt,
                                                    TrialObserver& observer) {
  ResetPeakBytes();
  TrainerOptions options = options_;
  if (spec.threads > 0) options.threads = static_cast<int>(spec.threads);
  if (at::get_num_threads() != options.threads) at::set_num_threads(options.threads);
  const RunContext run{spec, attempt, options, resident_, observer};
  if (spec.kind == "pretrain") return RunPretrain(run);
  if (spec.kind == "profile" && spec.profile) return RunProfile(run);
  if (spec.kind == "infer" && spec.infer) return RunInfer(run);
  if (spec.kind == "finetune" && spec.task.type != "mlm") return RunFinetune(run);
  return Refused(InvalidArgument("kind " + spec.kind + " of type " + spec.task.type +
                                 " is not among those that this trainer has"));
}

}  // namespace sparsweep
