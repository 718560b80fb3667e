// See grid.h.
#include "core/grid.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>

#include "core/identity.h"
#include "core/json.h"
#include "core/plan.h"
#include "core/sha256.h"
#include "core/splice.h"
#include "core/training_fields.h"
#include "core/where.h"

namespace sparsweep {
namespace {

constexpr uint64_t kCheckedByMake = 20'000;
constexpr size_t kMaxCachedPlans = 2'000'000;
constexpr size_t kMaxCachedSettings = 4'096;
constexpr uint64_t kUnknown = ~uint64_t{0};

// The first half of a SHA-256 is its own hash.
struct HalfDigestHash {
  size_t operator()(const std::array<uint8_t, 16>& key) const {
    size_t hash;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

// What the axes that do not touch attention settle.
struct Setting {
  TrialSpec trial;  // all but attention, seeds and identity
  std::string hyperparameters;
  PlanContext context;
  uint64_t context_id = 0;
};

struct PlanText {
  std::string canonical;
  bool draws = false;
};

// A combination of axis values, as digits, and as the two numbers that it splits into.
struct Combination {
  std::vector<uint32_t> digits;
  uint64_t attention = 0;  // mixed radix over the axes that touch attention
  uint64_t other = 0;      // over the others
};

std::string JsonOf(const AxisValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return QuoteJson(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return CanonicalNumber(std::get<double>(value));
}

}  // namespace

class Grid::Expander {
 public:
  Expander(SweepSpec spec, Resolver& resolver) : spec_(std::move(spec)), resolver_(resolver) {}

  Status Start() {
    const std::vector<std::string> used = AxesUsed(spec_.attention);
    display_order_ = used;
    for (const Axis& axis : spec_.axes) {
      const bool touches = std::find(used.begin(), used.end(), axis.name) != used.end();
      touches_.push_back(touches);
      if (!touches) display_order_.push_back(axis.name);
      (touches ? attention_count_ : other_count_) *= axis.values.size();
    }
    combinations_ = attention_count_ * other_count_;
    has_baselines_ = spec_.baseline == "dense";
    end_index_ = combinations_ + (has_baselines_ ? other_count_ : 0);
    other_kept_.assign(other_count_, false);
    baseline_of_.assign(has_baselines_ ? other_count_ : 0, kUnknown);
    for (size_t i = 0; i < spec_.where.size(); ++i) {
      Result<Where> where = Where::Parse(spec_.where[i], spec_.axes);
      if (!where.ok()) return InvalidField(WhereField(i), where.status().message());
      where_.push_back(*std::move(where));
    }
    if (Status status = ResolveNames(); !status.ok()) return status;
    if (Status status = CheckWhere(); !status.ok()) return status;
    if (Status status = CheckEachValue(); !status.ok()) return status;
    return ScanTo(std::min(combinations_, kCheckedByMake));
  }

  const SweepSpec& spec() const { return spec_; }
  const std::vector<std::string>& display_order() const { return display_order_; }
  uint64_t combinations() const { return combinations_; }
  uint64_t end_index() const { return end_index_; }

  Result<std::optional<Cell>> At(uint64_t index) {
    if (index >= end_index_) return std::optional<Cell>();
    if (Status status = ScanTo(index + 1); !status.ok()) return status;
    Combination at;
    const bool added = index >= combinations_;
    if (added) {
      at = OtherCombination(index - combinations_);
      if (!NeedsAddedBaseline(at.other)) return std::optional<Cell>();
    } else {
      at = CombinationAt(index);
      const Result<bool> kept = Keeps(at.digits);
      if (!kept.ok()) return kept.status();
      if (!*kept) return std::optional<Cell>();
    }
    Result<Setting*> setting = SettingOf(at);
    if (!setting.ok()) return setting.status();
    const Result<const PlanText*> plan = added ? &dense_ : PlanOf(at, **setting);
    if (!plan.ok()) return plan.status();

    Cell cell;
    cell.index = index;
    cell.axes_json = AxesJson(at.digits, added);
    cell.attention = added ? "dense" : *SplicedText(at.digits);
    cell.canonical = (*plan)->canonical;
    if (has_baselines_) {
      cell.baseline_index = BaselineOf(at.other, **setting);
      cell.is_baseline = cell.baseline_index == index;
    }
    const uint64_t first = first_.at(KeyOf(**setting, **plan));
    if (first != index) cell.alias_of = first;
    for (const uint64_t seed : spec_.seeds) {
      for (const uint64_t mask_seed : spec_.mask_seeds) {
        TrialSpec trial = (*setting)->trial;
        trial.attention = (*plan)->canonical;
        trial.seed = seed;
        if ((*plan)->draws) trial.mask_seed = mask_seed;
        trial.identity = Sha256Hex(IdentityText(trial, (*setting)->hyperparameters));
        cell.trials.push_back(std::move(trial));
        if (!(*plan)->draws) break;
      }
    }
    return std::optional<Cell>(std::move(cell));
  }

 private:
  using Key = std::array<uint8_t, 16>;

  static std::string WhereField(size_t i) { return "where[" + std::to_string(i) + "]"; }
  std::string ValueField(size_t axis, uint32_t digit) const {
    return "axes." + spec_.axes[axis].name + "[" + std::to_string(digit) + "]";
  }

  Combination CombinationAt(uint64_t index) const {
    Combination at;
    at.digits.resize(spec_.axes.size());
    for (size_t k = spec_.axes.size(); k-- > 0;) {
      at.digits[k] = static_cast<uint32_t>(index % spec_.axes[k].values.size());
      index /= spec_.axes[k].values.size();
    }
    Number(&at);
    return at;
  }
  // Attention axes at their first value.
  Combination OtherCombination(uint64_t other) const { return Split(0, other); }
  Combination Split(uint64_t attention, uint64_t other) const {
    Combination at;
    at.attention = attention;
    at.other = other;
    at.digits.resize(spec_.axes.size());
    for (size_t k = spec_.axes.size(); k-- > 0;) {
      uint64_t& rest = touches_[k] ? attention : other;
      at.digits[k] = static_cast<uint32_t>(rest % spec_.axes[k].values.size());
      rest /= spec_.axes[k].values.size();
    }
    return at;
  }
  void Number(Combination* at) const {
    at->attention = at->other = 0;
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      uint64_t& number = touches_[k] ? at->attention : at->other;
      number = number * spec_.axes[k].values.size() + at->digits[k];
    }
  }
  uint64_t IndexOf(const Combination& at) const {
    uint64_t index = 0;
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      index = index * spec_.axes[k].values.size() + at.digits[k];
    }
    return index;
  }

  Result<bool> Keeps(const std::vector<uint32_t>& digits) const {
    for (size_t i = 0; i < where_.size(); ++i) {
      Result<bool> keeps = where_[i].Keeps(spec_.axes, digits);
      if (!keeps.ok()) return InvalidField(WhereField(i), keeps.status().message());
      if (!*keeps) return false;
    }
    return true;
  }

  // Every value of model and task, so that a misspelt one is refused before anything runs.
  Status ResolveNames() {
    std::vector<std::pair<std::string, std::string>> models, tasks;  // field, name
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      const Axis& axis = spec_.axes[k];
      if (axis.name != "model" && axis.name != "task") continue;
      for (uint32_t i = 0; i < axis.values.size(); ++i) {
        (axis.name == "model" ? models : tasks)
            .emplace_back(ValueField(k, i), std::get<std::string>(axis.values[i]));
      }
    }
    if (models.empty()) models.emplace_back("model", spec_.model);
    for (const auto& [field, name] : models) {
      Result<ResolvedModel> model = resolver_.Model(name);
      if (!model.ok()) return {model.status().code(), model.status().message(),
                               {{field, model.status().message()}}};
      models_.emplace(name, *std::move(model));
    }
    const auto add_task = [&](const std::string& field, const std::string& name,
                              const std::variant<std::string, TaskSpec>& written) -> Status {
      Result<ResolvedTask> task = resolver_.Task(written);
      if (!task.ok()) return {task.status().code(), task.status().message(),
                              {{field, task.status().message()}}};
      tasks_.emplace(name, *std::move(task));
      return {};
    };
    if (tasks.empty()) return add_task("task", "", spec_.task);
    for (const auto& [field, name] : tasks) {
      if (Status status = add_task(field, name, name); !status.ok()) return status;
    }
    return {};
  }

  Status CheckWhere() const {
    for (uint64_t index = 0; index < combinations_; ++index) {
      const Result<bool> kept = Keeps(CombinationAt(index).digits);
      if (!kept.ok()) return kept.status();
      if (*kept) return {};
    }
    return InvalidField("where", "where excludes every one of the " +
                                     std::to_string(combinations_) +
                                     " combinations; loosen a condition or add values");
  }

  // Each value beside the first values of the other axes, where `where` keeps that: in a grid too
  // large to check at once this finds what is wrong with a value alone.
  Status CheckEachValue() {
    for (size_t k = 0; combinations_ > kCheckedByMake && k < spec_.axes.size(); ++k) {
      for (uint32_t i = 0; i < spec_.axes[k].values.size(); ++i) {
        Combination at = CombinationAt(0);
        at.digits[k] = i;
        Number(&at);
        const Result<bool> kept = Keeps(at.digits);
        if (!kept.ok() || !*kept) continue;
        const Result<Setting*> setting = SettingOf(at);
        if (!setting.ok()) return setting.status();
        const auto plan = PlanOf(at, **setting);
        if (!plan.ok()) return plan.status();
      }
    }
    return {};
  }

  // Only `other` and its digits are read.
  Result<Setting*> SettingOf(const Combination& at) {
    if (const auto it = settings_.find(at.other); it != settings_.end()) return &it->second;
    Setting setting;
    setting.trial.kind = spec_.kind;
    setting.trial.device = spec_.device;
    setting.trial.training = spec_.training;
    std::string model_name = spec_.model, task_name;
    std::string length_field = "training.max_length";
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      const Axis& axis = spec_.axes[k];
      if (touches_[k]) continue;
      const AxisValue& value = axis.values[at.digits[k]];
      if (axis.name == "model") {
        model_name = std::get<std::string>(value);
      } else if (axis.name == "task") {
        task_name = std::get<std::string>(value);
      } else {
        const Status status =
            SetTrainingField(*FindTrainingField(axis.name), value, &setting.trial.training);
        if (!status.ok()) return InvalidField(ValueField(k, at.digits[k]), status.message());
        if (axis.name == "max_length") length_field = ValueField(k, at.digits[k]);
      }
    }
    const ResolvedModel& model = models_.at(model_name);
    const ResolvedTask& task = tasks_.at(task_name);
    const int64_t max_length = setting.trial.training.max_length;
    if (max_length > model.max_positions) {
      return InvalidField(length_field, "max_length " + std::to_string(max_length) +
                                            " is more than the " +
                                            std::to_string(model.max_positions) +
                                            " positions of model \"" + model.name + "\"");
    }
    setting.trial.model = model.name;
    setting.trial.model_fingerprint = model.fingerprint;
    setting.trial.task = task.task;
    setting.trial.data_fingerprint = task.fingerprint;
    setting.trial.layers = model.layers;
    setting.trial.heads = model.heads;
    setting.hyperparameters = IdentityHyperparameters(setting.trial.training);
    setting.context = {model.layers, model.heads, static_cast<int>(max_length)};
    setting.context_id =
        contexts_.emplace(std::tuple(model.layers, model.heads, max_length), contexts_.size())
            .first->second;
    if (settings_.size() >= kMaxCachedSettings) settings_.clear();
    return &(settings_[at.other] = std::move(setting));
  }

  Result<Spliced> SplicedOf(const std::vector<uint32_t>& digits) const {
    std::map<std::string, std::string> values;
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      if (touches_[k]) values[spec_.axes[k].name] = AxisValueText(spec_.axes[k].values[digits[k]]);
    }
    return Splice(spec_.attention, values);
  }
  Result<std::string> SplicedText(const std::vector<uint32_t>& digits) const {
    Result<Spliced> spliced = SplicedOf(digits);
    if (!spliced.ok()) return spliced.status();
    return std::move(spliced->text);
  }

  Result<const PlanText*> PlanOf(const Combination& at, const Setting& setting) {
    const uint64_t key = setting.context_id * attention_count_ + at.attention;
    if (const auto it = plans_.find(key); it != plans_.end()) return it->second;
    const Result<Spliced> spliced = SplicedOf(at.digits);
    if (!spliced.ok()) return Refused(spliced.status(), at.digits);
    const Result<Plan> plan = Plan::Resolve(*spliced, setting.context);
    if (!plan.ok()) return Refused(plan.status(), at.digits);
    if (plans_.size() >= kMaxCachedPlans) plans_.clear();
    const PlanText* text =
        &texts_.try_emplace(plan->canonical(), PlanText{plan->canonical(), plan->draws()})
             .first->second;
    plans_.emplace(key, text);
    return text;
  }

  // Points at the axis value where the message names the axis, at the template otherwise.
  Status Refused(const Status& status, const std::vector<uint32_t>& digits) const {
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      if (status.message().starts_with("axis \"" + spec_.axes[k].name + "\"")) {
        return InvalidField(ValueField(k, digits[k]), status.message());
      }
    }
    return InvalidField("attention", status.message());
  }

  // The index of the baseline cell of a combination that has a kept cell.
  uint64_t BaselineOf(uint64_t other, const Setting& setting) {
    uint64_t& baseline = baseline_of_[other];
    if (baseline != kUnknown) return baseline;
    baseline = combinations_ + other;
    for (const uint64_t attention : DensePlans(setting)) {
      const Combination at = Split(attention, other);
      const Result<bool> kept = Keeps(at.digits);
      if (kept.ok() && *kept) baseline = std::min(baseline, IndexOf(at));
    }
    return baseline;
  }

  // The combinations of attention axes that are dense there. One that is no legal plan is not:
  // unless `where` excludes it, its own cell says so.
  const std::vector<uint64_t>& DensePlans(const Setting& setting) {
    const auto [it, is_new] = dense_plans_.try_emplace(setting.context_id);
    for (uint64_t attention = 0; is_new && attention < attention_count_; ++attention) {
      const auto plan = PlanOf(Split(attention, 0), setting);
      if (plan.ok() && (*plan)->canonical == "dense") it->second.push_back(attention);
    }
    return it->second;
  }

  bool NeedsAddedBaseline(uint64_t other) {
    if (!other_kept_[other]) return false;
    const Result<Setting*> setting = SettingOf(OtherCombination(other));
    return setting.ok() && BaselineOf(other, **setting) == combinations_ + other;
  }

  // Equal trials, equal keys: the seeds are the same for all cells, so the first trial decides.
  Key KeyOf(Setting& setting, const PlanText& plan) const {
    setting.trial.attention = plan.canonical;
    setting.trial.seed = spec_.seeds[0];
    setting.trial.mask_seed.reset();
    if (plan.draws) setting.trial.mask_seed = spec_.mask_seeds[0];
    const Digest digest = Sha256(IdentityText(setting.trial, setting.hyperparameters));
    setting.trial.mask_seed.reset();
    Key key;
    std::copy_n(digest.begin(), key.size(), key.begin());
    return key;
  }

  Status ScanTo(uint64_t end) {
    for (; scanned_ < end; ++scanned_) {
      const bool added = scanned_ >= combinations_;
      const Combination at =
          added ? OtherCombination(scanned_ - combinations_) : CombinationAt(scanned_);
      if (added) {
        if (!NeedsAddedBaseline(at.other)) continue;
      } else {
        const Result<bool> kept = Keeps(at.digits);
        if (!kept.ok()) return kept.status();
        if (!*kept) continue;
        other_kept_[at.other] = true;
      }
      const Result<Setting*> setting = SettingOf(at);
      if (!setting.ok()) return setting.status();
      const Result<const PlanText*> plan = added ? &dense_ : PlanOf(at, **setting);
      if (!plan.ok()) return plan.status();
      first_.emplace(KeyOf(**setting, **plan), scanned_);
    }
    return {};
  }

  std::string AxesJson(const std::vector<uint32_t>& digits, bool added) const {
    std::string out = "{";
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      if (k > 0) out += ',';
      out += QuoteJson(spec_.axes[k].name) + ":";
      out += added && touches_[k] ? "null" : JsonOf(spec_.axes[k].values[digits[k]]);
    }
    return out + "}";
  }

  // Constant after Start.
  const SweepSpec spec_;
  Resolver& resolver_;
  std::vector<std::string> display_order_;
  std::vector<bool> touches_;  // by axis: whether $name occurs in the template
  uint64_t attention_count_ = 1;
  uint64_t other_count_ = 1;
  uint64_t combinations_ = 0;
  uint64_t end_index_ = 0;
  bool has_baselines_ = false;
  std::vector<Where> where_;
  std::map<std::string, ResolvedModel> models_;
  std::map<std::string, ResolvedTask> tasks_;  // "" where the sweep has one task
  const PlanText dense_ = {"dense", false};

  std::unordered_map<std::string, PlanText> texts_;  // by canonical text; nodes never move
  std::map<std::tuple<int, int, int64_t>, uint64_t> contexts_;

  // Caches: recomputed when dropped.
  std::unordered_map<uint64_t, Setting> settings_;         // by Combination::other
  std::unordered_map<uint64_t, const PlanText*> plans_;    // by (context, Combination::attention)
  std::map<uint64_t, std::vector<uint64_t>> dense_plans_;
  std::vector<uint64_t> baseline_of_;

  // What the scan of [0, scanned_) found.
  uint64_t scanned_ = 0;
  std::vector<bool> other_kept_;
  std::unordered_map<Key, uint64_t, HalfDigestHash> first_;
};

Grid::Grid(std::unique_ptr<Expander> expander) : expander_(std::move(expander)) {}
Grid::Grid(Grid&&) noexcept = default;
Grid& Grid::operator=(Grid&&) noexcept = default;
Grid::~Grid() = default;

Result<Grid> Grid::Make(SweepSpec spec, Resolver& resolver) {
  // A spec may have come another way than through a sweep file; the rules are the same.
  Result<SweepSpec> checked = ParseSweepSpec(SweepSpecToJson(spec));
  if (!checked.ok()) return checked.status();
  auto expander = std::make_unique<Expander>(*std::move(checked), resolver);
  if (Status status = expander->Start(); !status.ok()) return status;
  return Grid(std::move(expander));
}

const SweepSpec& Grid::spec() const { return expander_->spec(); }
const std::vector<std::string>& Grid::display_order() const { return expander_->display_order(); }
uint64_t Grid::combinations() const { return expander_->combinations(); }
uint64_t Grid::end_index() const { return expander_->end_index(); }
Result<std::optional<Cell>> Grid::At(uint64_t index) { return expander_->At(index); }

std::string AxesLabel(const std::string& axes_json,
                      const std::vector<std::string>& display_order) {
  const Result<nlohmann::json> axes = ParseJson(axes_json, "axes");
  std::string label;
  for (const std::string& name : display_order) {
    if (!axes.ok() || !axes->is_object() || !axes->contains(name)) continue;
    const nlohmann::json& value = axes->at(name);
    if (value.is_null()) continue;
    label += (label.empty() ? "" : " ") + name + "=";
    if (value.is_string()) label += value.get<std::string>();
    if (value.is_boolean()) label += value.get<bool>() ? "true" : "false";
    if (value.is_number()) label += AxisValueText(value.get<double>());
  }
  return label.empty() ? "baseline" : label;
}

}  // namespace sparsweep
