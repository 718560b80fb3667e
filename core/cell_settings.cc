// See cell_settings.h.
#include "core/cell_settings.h"

#include <algorithm>

#include "core/freeze.h"
#include "core/training_fields.h"

namespace sparsweep {
namespace {

constexpr size_t kMaxCached = 16'384;

Status At(const std::string& field, const Status& status) {
  return {status.code(), status.message(), {{field, status.message()}}};
}

// What kind, task, model and options ask of each other, beyond each of them alone.
Status CheckTogether(const TrialSpec& trial, const ResolvedModel& model,
                     const std::string& length_field) {
  const std::string& type = trial.task.type;
  if (HasTask(trial) && (trial.kind == "pretrain") != (type == "mlm") &&
      (trial.kind == "pretrain" || trial.kind == "finetune")) {
    return InvalidField("kind", "kind \"" + trial.kind + "\" and a task of type " + type +
                                    " do not go together; " +
                                    (type == "mlm" ? "use \"pretrain\"" : "use \"finetune\""));
  }
  const int64_t max_length = trial.training.max_length;
  for (const auto* lengths : {trial.profile ? &trial.profile->lengths : nullptr,
                              trial.infer ? &trial.infer->lengths : nullptr}) {
    if (lengths == nullptr) continue;
    const int64_t longest = *std::max_element(lengths->begin(), lengths->end());
    if (longest > max_length) {
      return InvalidField(length_field, "max_length " + std::to_string(max_length) +
                                            " is less than length " + std::to_string(longest) +
                                            " of \"" + trial.kind + "\"; raise it");
    }
  }
  if (const auto freeze = ParseFreeze(trial.training.freeze);
      freeze.ok() && freeze->layers > model.layers) {
    return InvalidField("training.freeze", "\"" + trial.training.freeze + "\" freezes " +
                                               std::to_string(freeze->layers) + " layers; model \"" +
                                               model.name + "\" has " +
                                               std::to_string(model.layers));
  }
  if (type == "qa" && trial.training.doc_stride >= max_length) {
    return InvalidField("training.doc_stride",
                        "doc_stride " + std::to_string(trial.training.doc_stride) +
                            " is not below max_length " + std::to_string(max_length) +
                            ": windows would not move on");
  }
  return {};
}

}  // namespace

std::string AxisValueField(const Axis& axis, uint32_t value) {
  return "axes." + axis.name + "[" + std::to_string(value) + "]";
}

Status CellSettings::AddModel(Resolver& resolver, const std::string& field,
                              const std::string& name) {
  std::vector<std::string> inits = {spec_.training.init};
  for (const Axis& axis : spec_.axes) {
    if (axis.name != "init") continue;
    inits.clear();
    for (const AxisValue& value : axis.values) inits.push_back(std::get<std::string>(value));
  }
  for (const std::string& init : inits) {
    Result<ResolvedModel> model =
        init == "random" ? resolver.ModelWithoutWeights(name) : resolver.Model(name);
    if (!model.ok()) return At(field, model.status());
    models_.emplace(std::pair(name, init), *std::move(model));
  }
  return {};
}

Status CellSettings::AddTask(Resolver& resolver, const std::string& field, const std::string& name,
                             const std::variant<std::string, TaskSpec>& written) {
  Result<ResolvedTask> task = resolver.Task(written);
  if (!task.ok()) return At(field, task.status());
  tasks_.emplace(name, *std::move(task));
  return {};
}

Status CellSettings::Resolve(Resolver& resolver) {
  for (const Axis& axis : spec_.axes) {
    for (uint32_t i = 0; i < axis.values.size(); ++i) {
      Status status;
      if (axis.name == "model") {
        status = AddModel(resolver, AxisValueField(axis, i), std::get<std::string>(axis.values[i]));
      } else if (axis.name == "task") {
        const std::string& name = std::get<std::string>(axis.values[i]);
        status = AddTask(resolver, AxisValueField(axis, i), name, name);
      }
      if (!status.ok()) return status;
    }
  }
  if (models_.empty()) {
    if (Status status = AddModel(resolver, "model", spec_.model); !status.ok()) return status;
  }
  if (!tasks_.empty()) return {};
  const auto* name = std::get_if<std::string>(&spec_.task);
  if (name != nullptr && name->empty()) {  // of kinds that measure: made-up ids
    tasks_.emplace("", ResolvedTask());
    return {};
  }
  return AddTask(resolver, "task", "", spec_.task);
}

Result<CellSetting*> CellSettings::Of(const Combination& at) {
  if (const auto it = cache_.find(at.other); it != cache_.end()) return &it->second;
  CellSetting setting;
  TrialSpec& trial = setting.trial;
  trial.kind = spec_.kind;
  trial.device = spec_.device;
  trial.threads = spec_.threads;
  trial.keep = spec_.keep;
  trial.profile = spec_.profile;
  trial.infer = spec_.infer;
  trial.training = spec_.training;
  std::string model_name = spec_.model, task_name, length_field = "training.max_length";
  for (size_t k = 0; k < spec_.axes.size(); ++k) {
    if (space_.touches(k)) continue;
    const Axis& axis = spec_.axes[k];
    const AxisValue& value = axis.values[at.digits[k]];
    if (axis.name == "model") {
      model_name = std::get<std::string>(value);
    } else if (axis.name == "task") {
      task_name = std::get<std::string>(value);
    } else {
      const Status status = SetTrainingField(*FindTrainingField(axis.name), value, &trial.training);
      if (!status.ok()) {
        return InvalidField(AxisValueField(axis, at.digits[k]), status.message());
      }
      if (axis.name == "max_length") length_field = AxisValueField(axis, at.digits[k]);
    }
  }

  const ResolvedModel& model = models_.at({model_name, trial.training.init});
  const ResolvedTask& task = tasks_.at(task_name);
  const int64_t max_length = trial.training.max_length;
  if (max_length > model.max_positions) {
    return InvalidField(length_field, "max_length " + std::to_string(max_length) +
                                          " is more than the " +
                                          std::to_string(model.max_positions) +
                                          " positions of model \"" + model.name + "\"");
  }
  trial.model = model.name;
  trial.model_fingerprint = model.fingerprint;
  trial.task = task.task;
  trial.data_fingerprint = task.fingerprint;
  trial.layers = model.layers;
  trial.heads = model.heads;
  trial.model_files = model.files;
  if (Status status = CheckTogether(trial, model, length_field); !status.ok()) return status;
  setting.hyperparameters = IdentityHyperparameters(trial);
  setting.context = {model.layers, model.heads, static_cast<int>(max_length)};
  setting.context_id =
      contexts_.emplace(std::tuple(model.layers, model.heads, max_length), contexts_.size())
          .first->second;
  if (cache_.size() >= kMaxCached) cache_.clear();
  return &(cache_[at.other] = std::move(setting));
}

}  // namespace sparsweep
