#include "server/loop/spec_parts.h"

#include "core/json.h"
#include "core/splice.h"
#include "core/training_fields.h"

namespace sparsweep {
namespace {

constexpr size_t kMaxCommons = 20'000;

// As the training options say it. A value that is not legal never comes here: the grid refuses it.
std::string FieldText(const TrainingField& field, const AxisValue& axis_value) {
  const TrainingOptions usual;
  TrainingOptions options;
  const Status status = SetTrainingField(field, axis_value, &options);
  const AxisValue value = GetTrainingField(field, options);
  std::string text = QuoteJson(field.name) + ":";
  if (!status.ok() || (field.sparing && value == GetTrainingField(field, usual))) {
    return text + "null";
  }
  if (const auto* choice = std::get_if<std::string>(&value)) return text + QuoteJson(*choice);
  return text + CanonicalNumber(std::get<double>(value));
}

}  // namespace

SpecParts::SpecParts(const SweepSpec& spec)
    : axes_(spec.axes), space_(spec.axes, AxesUsed(spec.attention)) {
  for (size_t k = 0; k < axes_.size(); ++k) {
    if (space_.touches(k)) continue;
    Setting setting{k, {}};
    // Which files are a model's depends on how its weights begin.
    const TrainingField* field = FindTrainingField(axes_[k].name);
    if (field != nullptr && axes_[k].name != "init") {
      for (const AxisValue& value : axes_[k].values) {
        setting.fields.push_back(FieldText(*field, value));
      }
    }
    settings_.push_back(std::move(setting));
  }
}

SpecParts::Parts SpecParts::Of(uint64_t index, const TrialSpec& trial) {
  // The baselines that were added come after the combinations, one for each setting.
  const Combination at =
      index < space_.size() ? space_.At(index) : space_.Of(0, index - space_.size());
  uint64_t key = 0;
  Parts parts{nullptr, "{"};
  for (const Setting& setting : settings_) {
    const uint32_t digit = at.digits[setting.axis];
    if (setting.fields.empty()) {
      key = key * axes_[setting.axis].values.size() + digit;
    } else {
      if (parts.training.size() > 1) parts.training += ',';
      parts.training += setting.fields[digit];
    }
  }
  parts.training += '}';
  auto found = commons_.find(key);
  if (found == commons_.end()) {
    if (commons_.size() >= kMaxCommons) commons_.clear();
    auto text = std::make_shared<const std::string>(CommonText(trial));
    found = commons_.emplace(key, std::move(text)).first;
  }
  parts.common = found->second;
  return parts;
}

std::string SpecParts::CommonText(const TrialSpec& trial) const {
  nlohmann::json spec = ParseJson(TrialSpecToJson(trial), "trial").value();
  for (const char* own : {"attention", "identity", "mask_seed", "seed"}) spec[own] = nullptr;
  for (const Setting& setting : settings_) {
    if (!setting.fields.empty()) spec["training"][axes_[setting.axis].name] = nullptr;
  }
  return CanonicalJson(spec);
}

}  // namespace sparsweep
