// See grid.h.
#include "core/grid.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <unordered_map>

#include "core/axis_space.h"
#include "core/catalog.h"
#include "core/cell_settings.h"
#include "core/hardening.h"
#include "core/identity.h"
#include "core/json.h"
#include "core/plan.h"
#include "core/sha256.h"
#include "core/splice.h"
#include "core/where.h"

namespace sparsweep {
namespace {

constexpr uint64_t kCheckedByMake = 20'000;
constexpr size_t kMaxCachedPlans = 2'000'000;
constexpr size_t kMaxCachedTexts = 100'000;
constexpr uint64_t kUnknown = ~uint64_t{0};

// The first half of a SHA-256 is its own hash.
struct HalfDigestHash {
  size_t operator()(const std::array<uint8_t, 16>& key) const {
    size_t hash;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

struct PlanText {
  std::string canonical;
  bool draws = false;
};

std::string JsonOf(const AxisValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return QuoteJson(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return CanonicalNumber(std::get<double>(value));
}

}  // namespace

class Grid::Expander {
 public:
  explicit Expander(SweepSpec spec)
      : spec_(std::move(spec)),
        display_order_(AxesUsed(spec_.attention)),
        space_(spec_.axes, display_order_),
        combinations_(space_.size()),
        has_baselines_(spec_.baseline == "dense"),
        settings_(spec_, space_),
        baseline_of_(has_baselines_ ? space_.other_count() : 0, kUnknown),
        other_kept_(space_.other_count(), false) {
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      const Axis& axis = spec_.axes[k];
      if (!space_.touches(k)) display_order_.push_back(axis.name);
      std::vector<std::string>& members = members_.emplace_back();
      for (const AxisValue& value : axis.values) {
        members.push_back(QuoteJson(axis.name) + ":" + JsonOf(value));
      }
    }
  }

  Status Start(Resolver& resolver) {
    for (size_t i = 0; i < spec_.where.size(); ++i) {
      Result<Where> where = Where::Parse(spec_.where[i], spec_.axes);
      if (!where.ok()) return InvalidField(WhereField(i), where.status().message());
      where_.push_back(*std::move(where));
    }
    if (Status status = settings_.Resolve(resolver); !status.ok()) return status;
    if (Status status = CheckWhere(); !status.ok()) return status;
    if (Status status = CheckEachValue(); !status.ok()) return status;
    return ScanTo(std::min(combinations_, kCheckedByMake));
  }

  const SweepSpec& spec() const { return spec_; }
  const std::vector<std::string>& display_order() const { return display_order_; }
  uint64_t combinations() const { return combinations_; }
  uint64_t end_index() const { return combinations_ + (has_baselines_ ? space_.other_count() : 0); }

  Result<std::optional<Cell>> At(uint64_t index) {
    if (index >= end_index()) return std::optional<Cell>();
    if (Status status = ScanTo(index + 1); !status.ok()) return status;
    Combination at;
    const bool added = index >= combinations_;
    if (added) {
      at = space_.Of(0, index - combinations_);
      if (!NeedsAddedBaseline(at.other)) return std::optional<Cell>();
    } else {
      at = space_.At(index);
      const Result<bool> kept = Keeps(at.digits);
      if (!kept.ok()) return kept.status();
      if (!*kept) return std::optional<Cell>();
    }
    Result<CellSetting*> setting = settings_.Of(at);
    if (!setting.ok()) return setting.status();
    const Result<const PlanText*> plan = added ? &dense_ : PlanOf(at, **setting);
    if (!plan.ok()) return plan.status();

    Cell cell;
    cell.index = index;
    cell.axes_json = AxesJson(at.digits, added);
    cell.attention = added ? "dense" : SplicedText(at);
    cell.canonical = (*plan)->canonical;
    if (has_baselines_) {
      cell.baseline_index = BaselineOf(at.other, **setting);
      cell.is_baseline = cell.baseline_index == index;
    }
    const Scanned scanned = ScannedAt(index, **setting, **plan);
    if (scanned.first != index) cell.alias_of = scanned.first;
    cell.trials.reserve(spec_.seeds.size() * ((*plan)->draws ? spec_.mask_seeds.size() : 1));
    for (const uint64_t seed : spec_.seeds) {
      for (const uint64_t mask_seed : spec_.mask_seeds) {
        TrialSpec trial = (*setting)->trial;
        trial.attention = (*plan)->canonical;
        trial.seed = seed;
        trial.mask_seed.reset();
        if ((*plan)->draws) trial.mask_seed = mask_seed;
        trial.identity = Hex(cell.trials.empty()
                                 ? scanned.digest
                                 : Sha256(IdentityText(trial, (*setting)->hyperparameters)));
        cell.trials.push_back(std::move(trial));
        if (!(*plan)->draws) break;
      }
    }
    return std::optional<Cell>(std::move(cell));
  }

 private:
  using Key = std::array<uint8_t, 16>;
  // What the scan found of a cell.
  struct Scanned {
    uint64_t index = kUnknown;
    uint64_t first = 0;  // the first cell with the same trials
    Digest digest{};     // of its first trial
  };

  static std::string WhereField(size_t i) { return "where[" + std::to_string(i) + "]"; }
  Result<bool> Keeps(const std::vector<uint32_t>& digits) const {
    for (size_t i = 0; i < where_.size(); ++i) {
      Result<bool> keeps = where_[i].Keeps(spec_.axes, digits);
      if (!keeps.ok()) return InvalidField(WhereField(i), keeps.status().message());
      if (!*keeps) return false;
    }
    return true;
  }

  Status CheckWhere() const {
    for (uint64_t index = 0; index < combinations_; ++index) {
      const Result<bool> kept = Keeps(space_.At(index).digits);
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
        std::vector<uint32_t> digits(spec_.axes.size());
        digits[k] = i;
        const Combination at = space_.Of(std::move(digits));
        const Result<bool> kept = Keeps(at.digits);
        if (!kept.ok() || !*kept) continue;
        const Result<CellSetting*> setting = settings_.Of(at);
        if (!setting.ok()) return setting.status();
        const auto plan = PlanOf(at, **setting);
        if (!plan.ok()) return plan.status();
      }
    }
    return {};
  }

  Result<Spliced> SplicedOf(const std::vector<uint32_t>& digits) const {
    std::map<std::string, std::string> values;
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      if (space_.touches(k))
        values[spec_.axes[k].name] = AxisValueText(spec_.axes[k].values[digits[k]]);
    }
    return Splice(spec_.attention, values);
  }
  // Of a combination that has a plan.
  const std::string& SplicedText(const Combination& at) {
    if (const auto it = spliced_.find(at.attention); it != spliced_.end()) return it->second;
    if (spliced_.size() >= kMaxCachedTexts) spliced_.clear();
    return spliced_[at.attention] = SplicedOf(at.digits).value().text;
  }

  Result<const PlanText*> PlanOf(const Combination& at, const CellSetting& setting) {
    const uint64_t key = setting.context_id * space_.attention_count() + at.attention;
    if (const auto it = plans_.find(key); it != plans_.end()) return it->second;
    const Result<Spliced> spliced = SplicedOf(at.digits);
    if (!spliced.ok()) return Refused(spliced.status(), at.digits);
    const Result<Plan> plan = Plan::Resolve(*spliced, setting.context);
    if (!plan.ok()) return Refused(plan.status(), at.digits);
    const Status learned = CheckLearned(*plan, spec_.kind);
    if (!learned.ok()) return Refused(learned, at.digits);
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
        return InvalidField(AxisValueField(spec_.axes[k], digits[k]), status.message());
      }
    }
    return InvalidField("attention", status.message());
  }

  // The index of the baseline cell of a combination that has a kept cell.
  uint64_t BaselineOf(uint64_t other, const CellSetting& setting) {
    uint64_t& baseline = baseline_of_[other];
    if (baseline != kUnknown) return baseline;
    baseline = combinations_ + other;
    for (const uint64_t attention : DensePlans(setting)) {
      const Combination at = space_.Of(attention, other);
      const Result<bool> kept = Keeps(at.digits);
      if (kept.ok() && *kept) baseline = std::min(baseline, space_.IndexOf(at));
    }
    return baseline;
  }

  // The combinations of attention axes that are dense there. One that is no legal plan is not:
  // unless `where` excludes it, its own cell says so.
  const std::vector<uint64_t>& DensePlans(const CellSetting& setting) {
    const auto [it, is_new] = dense_plans_.try_emplace(setting.context_id);
    for (uint64_t attention = 0; is_new && attention < space_.attention_count(); ++attention) {
      const auto plan = PlanOf(space_.Of(attention, 0), setting);
      if (plan.ok() && (*plan)->canonical == "dense") it->second.push_back(attention);
    }
    return it->second;
  }

  bool NeedsAddedBaseline(uint64_t other) {
    if (!other_kept_[other]) return false;
    const Result<CellSetting*> setting = settings_.Of(space_.Of(0, other));
    return setting.ok() && BaselineOf(other, **setting) == combinations_ + other;
  }

  // Of the cell's first trial.
  Digest DigestOf(CellSetting& setting, const PlanText& plan) const {
    setting.trial.attention = plan.canonical;
    setting.trial.seed = spec_.seeds[0];
    setting.trial.mask_seed.reset();
    if (plan.draws) setting.trial.mask_seed = spec_.mask_seeds[0];
    return Sha256(IdentityText(setting.trial, setting.hyperparameters));
  }
  // Equal trials, equal keys: the seeds are the same for all cells, so the first trial decides.
  static Key KeyOf(const Digest& digest) {
    Key key;
    std::copy_n(digest.begin(), key.size(), key.begin());
    return key;
  }

  Status ScanTo(uint64_t end) {
    for (; scanned_ < end; ++scanned_) {
      const bool added = scanned_ >= combinations_;
      const Combination at = added ? space_.Of(0, scanned_ - combinations_) : space_.At(scanned_);
      if (added) {
        if (!NeedsAddedBaseline(at.other)) continue;
      } else {
        const Result<bool> kept = Keeps(at.digits);
        if (!kept.ok()) return kept.status();
        if (!*kept) continue;
        other_kept_[at.other] = true;
      }
      const Result<CellSetting*> setting = settings_.Of(at);
      if (!setting.ok()) return setting.status();
      const Result<const PlanText*> plan = added ? &dense_ : PlanOf(at, **setting);
      if (!plan.ok()) return plan.status();
      const Status inputs = CheckTextInputs((*plan)->canonical, (*setting)->trial.task);
      if (!inputs.ok()) return inputs;
      const Digest digest = DigestOf(**setting, **plan);
      last_ = {scanned_, first_.emplace(KeyOf(digest), scanned_).first->second, digest};
    }
    return {};
  }

  Scanned ScannedAt(uint64_t index, CellSetting& setting, const PlanText& plan) const {
    if (last_.index == index) return last_;
    const Digest digest = DigestOf(setting, plan);
    return {index, first_.at(KeyOf(digest)), digest};
  }

  std::string AxesJson(const std::vector<uint32_t>& digits, bool added) const {
    std::string out = "{";
    for (size_t k = 0; k < spec_.axes.size(); ++k) {
      if (k > 0) out += ',';
      if (added && space_.touches(k)) {
        out += QuoteJson(spec_.axes[k].name) + ":null";
      } else {
        out += members_[k][digits[k]];
      }
    }
    return out += "}";
  }

  // Constant after Start.
  const SweepSpec spec_;
  std::vector<std::string> display_order_;
  const AxisSpace space_;
  const uint64_t combinations_;
  const bool has_baselines_;
  std::vector<Where> where_;
  const PlanText dense_ = {"dense", false};
  std::vector<std::vector<std::string>> members_;  // of axes_json, by axis and value

  std::unordered_map<std::string, PlanText> texts_;  // by canonical text; nodes never move

  // Caches: recomputed when dropped.
  CellSettings settings_;
  std::unordered_map<uint64_t, const PlanText*> plans_;  // by (context, Combination::attention)
  std::unordered_map<uint64_t, std::string> spliced_;  // by Combination::attention
  std::map<uint64_t, std::vector<uint64_t>> dense_plans_;
  std::vector<uint64_t> baseline_of_;

  // What the scan of [0, scanned_) found.
  uint64_t scanned_ = 0;
  Scanned last_;  // the last that `where` keeps
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
  auto expander = std::make_unique<Expander>(*std::move(checked));
  if (Status status = expander->Start(resolver); !status.ok()) return status;
  return Grid(std::move(expander));
}

const SweepSpec& Grid::spec() const { return expander_->spec(); }
const std::vector<std::string>& Grid::display_order() const { return expander_->display_order(); }
uint64_t Grid::combinations() const { return expander_->combinations(); }
uint64_t Grid::end_index() const { return expander_->end_index(); }
Result<std::optional<Cell>> Grid::At(uint64_t index) { return expander_->At(index); }

std::string AxesLabel(const std::string& axes_json, const std::vector<std::string>& display_order) {
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
