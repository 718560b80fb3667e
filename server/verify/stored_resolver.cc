#include "server/verify/stored_resolver.h"

#include <algorithm>

#include "core/plan.h"

namespace sparsweep {

Result<TrialSpec> StoredResolver::TrialWith(const std::string& axis, const std::string& value) {
  const bool is_axis = std::any_of(spec_.axes.begin(), spec_.axes.end(),
                                   [&](const Axis& one) { return one.name == axis; });
  Statement read = db_.Prepare(
      "SELECT s.spec FROM cell c JOIN cell_trial ct ON ct.sweep_id = c.sweep_id AND "
      "ct.cell = c.cell JOIN trial_spec s ON s.trial_id = ct.trial_id "
      "WHERE c.sweep_id = ?1 AND (?2 = '' OR c.axes ->> ?2 = ?3) ORDER BY c.cell LIMIT 1");
  const std::string path = is_axis ? "$." + axis : "";
  read.Bind(sweep_, path, value);
  if (!read.Step()) {
    return Status(StatusCode::kNotFound,
                  "no stored trial says what " + axis + (is_axis ? " \"" + value + "\"" : "") +
                      " was resolved to");
  }
  return ParseTrialSpec(read.Text(0));
}

Result<ResolvedModel> StoredResolver::Model(const std::string& name) {
  const Result<TrialSpec> trial = TrialWith("model", name);
  if (!trial.ok()) return trial.status();
  // The model was longer than every trial that ran; how much longer is not stored.
  return ResolvedModel{name, "", trial->model_fingerprint, trial->layers, trial->heads, 0, 0,
                       kMaxLength, trial->model_files};
}

Result<ResolvedTask> StoredResolver::Task(const std::variant<std::string, TaskSpec>& task) {
  const auto* name = std::get_if<std::string>(&task);
  const Result<TrialSpec> trial = TrialWith("task", name != nullptr ? *name : "");
  if (!trial.ok()) return trial.status();
  return ResolvedTask{name != nullptr ? *name : trial->task.name, trial->task,
                      trial->data_fingerprint};
}

}  // namespace sparsweep
