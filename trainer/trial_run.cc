#include "trainer/trial_run.h"

#include "trainer/device.h"
#include "trainer/finetune_run.h"

namespace sparsweep {

Status TrialRunner::FillFingerprints(TrialSpec* spec) {
  auto model = ModelFingerprint(ModelFolder(options_.data_folder, spec->model), resident_.hashes,
                                spec->training.init == "pretrained");
  if (!model.ok()) return model.status();
  auto data = DataFingerprint(options_.data_folder, spec->task, resident_.hashes);
  if (!data.ok()) return data.status();
  if (spec->model_fingerprint.empty()) spec->model_fingerprint = *model;
  if (spec->data_fingerprint.empty()) spec->data_fingerprint = *data;
  return {};
}

std::variant<TrialResult, Failure> TrialRunner::Run(const TrialSpec& spec,
                                                    const std::string& attempt,
                                                    TrialObserver& observer) {
  ResetPeakBytes();
  const RunContext run{spec, attempt, options_, resident_, observer};
  if (spec.kind == "finetune" && spec.task.type != "mlm") return RunFinetune(run);
  return Refused(InvalidArgument("kind " + spec.kind + " of type " + spec.task.type +
                                 " is not available in this version of the trainer"));
}

}  // namespace sparsweep
