// Sweep files and tasks as JSON (docs/sweep-file.md is their table of fields). Not here: whether
// names exist and patterns resolve, which need a data folder and a model (core/grid.h).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/grid.h"
#include "core/json.h"
#include "core/kind_json.h"
#include "core/nearest.h"
#include "core/needs_json.h"
#include "core/splice.h"
#include "core/sweep_spec.h"
#include "core/task_json.h"
#include "core/training_fields.h"
#include "core/where.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr int64_t kMaxSeeds = 10'000;
constexpr double kMaxSeconds = 1e9;

std::string Item(const std::string& path, size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

// A number n for n seeds from `first` on, or the list itself.
void ReadSeeds(ObjectReader& reader, const std::string& name, uint64_t first, Violations* out,
               std::vector<uint64_t>* seeds) {
  const json* value = reader.Find(name);
  if (value == nullptr) return;
  if (value->is_number()) {
    int64_t count = 0;
    if (!ReadWhole(*value, name, out, 1, kMaxSeeds, &count)) return;
    seeds->clear();
    for (int64_t i = 0; i < count; ++i) seeds->push_back(first + i);
    return;
  }
  if (!value->is_array()) {
    out->Add(name, DescribeJson(*value) + " must be a number of seeds or a list of seeds");
    return;
  }
  if (value->empty() || value->size() > kMaxSeeds) {
    out->Add(name, "a list of seeds has 1 to " + std::to_string(kMaxSeeds) + " of them, not " +
                       std::to_string(value->size()));
    return;
  }
  std::set<int64_t> seen;
  std::vector<uint64_t> list;
  for (size_t i = 0; i < value->size(); ++i) {
    int64_t seed = 0;
    if (!ReadWhole((*value)[i], Item(name, i), out, 0, kMaxWhole, &seed)) continue;
    if (!seen.insert(seed).second) {
      out->Add(Item(name, i), std::to_string(seed) + " is listed twice; remove one of them");
    }
    list.push_back(seed);
  }
  *seeds = std::move(list);
}

bool IsAxisName(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); }) &&
         name != "and" && name != "or" && name != "not" && name != "in";
}

void ReadAxis(const std::string& name, const json& values, Violations* out, Axis* axis) {
  const std::string path = "axes." + name;
  axis->name = name;
  if (!IsAxisName(name)) {
    out->Add(path, "\"" + name +
                       "\" is no name for an axis; use letters, digits and _ (not first a digit, "
                       "and none of and, or, not, in)");
  }
  if (!values.is_array()) {
    out->Add(path, DescribeJson(values) + " must be a list of values, such as [1, 2]");
    return;
  }
  if (values.empty()) out->Add(path, "axis \"" + name + "\" has no values; list at least one");
  std::set<AxisValue> seen;
  for (size_t i = 0; i < values.size(); ++i) {
    const json& value = values[i];
    AxisValue read;
    if (value.is_string()) {
      read = value.get<std::string>();
    } else if (value.is_boolean()) {
      read = value.get<bool>();
    } else if (value.is_number()) {
      read = value.get<double>() + 0.0;  // -0 is 0
    } else {
      out->Add(Item(path, i), DescribeJson(value) + " must be a number, a string, true or false");
      continue;
    }
    if (!seen.insert(read).second) {
      out->Add(Item(path, i), "axis \"" + name + "\" lists " + DescribeJson(value) + " twice");
    }
    axis->values.push_back(std::move(read));
  }
}

// An axis sets a parameter or occurs in the template, never both, never neither.
void CheckAxisUse(const SweepSpec& spec, Violations* out) {
  const std::vector<std::string> used = AxesUsed(spec.attention);
  std::vector<std::string> parameters = {"model", "task"};
  for (const TrainingField& field : TrainingFields()) parameters.push_back(field.name);
  const std::vector<std::string> names = AxisNames(spec.axes);
  for (const std::string& name : used) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      out->Add("attention", "there is no axis \"" + name + "\" for $" + name +
                                (names.empty() ? "; add it to axes" : DidYouMean(name, names)));
    }
  }
  for (const Axis& axis : spec.axes) {
    const std::string path = "axes." + axis.name;
    const bool in_template = std::find(used.begin(), used.end(), axis.name) != used.end();
    const bool parameter =
        std::find(parameters.begin(), parameters.end(), axis.name) != parameters.end();
    if (in_template && parameter) {
      out->Add(path, "\"" + axis.name + "\" is a parameter and occurs as $" + axis.name +
                         " in attention; give the axis another name");
    } else if (!in_template && !parameter) {
      const std::optional<std::string> nearest = NearestName(axis.name, parameters);
      out->Add(path, "axis \"" + axis.name + "\" is not used: it sets no parameter, and $" +
                         axis.name + " does not occur in attention" +
                         (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
    } else if (axis.name == "model" || axis.name == "task") {
      for (size_t i = 0; i < axis.values.size(); ++i) {
        if (!std::holds_alternative<std::string>(axis.values[i])) {
          out->Add(Item(path, i), AxisValueText(axis.values[i]) + " must be a string");
        }
      }
    } else if (parameter) {
      TrainingOptions scratch;
      for (size_t i = 0; i < axis.values.size(); ++i) {
        const Status status =
            SetTrainingField(*FindTrainingField(axis.name), axis.values[i], &scratch);
        if (!status.ok()) out->Add(Item(path, i), status.message());
      }
    }
  }
}

void ReadAxes(ObjectReader& reader, Violations* out, SweepSpec* spec) {
  const json* axes = reader.Find("axes");
  if (axes == nullptr) return;
  if (!axes->is_object()) {
    out->Add("axes", DescribeJson(*axes) + " must be an object {\"name\": [values]}");
    return;
  }
  double cells = 1;
  for (auto it = axes->begin(); it != axes->end(); ++it) {  // a std::map: sorted by bytes
    ReadAxis(it.key(), *it, out, &spec->axes.emplace_back());
    cells *= static_cast<double>(spec->axes.back().values.size());
  }
  if (cells > static_cast<double>(kMaxCells)) {
    out->Add("axes", "the grid has " + CanonicalNumber(cells) + " cells; the limit is " +
                         std::to_string(kMaxCells) + ", so shorten an axis or split the sweep");
  }
}

void ReadTraining(ObjectReader& reader, Violations* out, SweepSpec* spec) {
  const json* value = reader.Find("training");
  if (value == nullptr) return;
  ObjectReader fields(*value, "training", out);
  for (const TrainingField& field : TrainingFields()) {
    const json* given = fields.Find(field.name);
    if (given == nullptr) continue;
    AxisValue read;
    if (given->is_number()) {
      read = given->get<double>();
    } else if (given->is_string()) {
      read = given->get<std::string>();
    } else if (given->is_boolean()) {
      read = given->get<bool>();
    } else {
      out->Add(fields.Path(field.name), DescribeJson(*given) + " must be a " +
                                            (field.choice != nullptr ? "string" : "number"));
      continue;
    }
    const Status status = SetTrainingField(field, read, &spec->training);
    if (!status.ok()) out->Add(fields.Path(field.name), status.message());
  }
  if (const json* select = fields.Find("select")) {
    spec->select = ReadSelection(*select, fields.Path("select"), out);
  }
  fields.Finish();
}

void ReadTaskField(ObjectReader& reader, Violations* out, SweepSpec* spec) {
  const json* task = reader.Find("task");
  if (task == nullptr) return;
  if (task->is_object()) {
    spec->task = ReadTask(*task, "task", out);
  } else if (task->is_string() && !task->get_ref<const std::string&>().empty()) {
    spec->task = task->get<std::string>();
  } else {
    out->Add("task", DescribeJson(*task) +
                         " must be a registered name, the path of a task file, or an object");
  }
}

void ReadNumberWithin(ObjectReader& reader, const std::string& name, double low, double high,
                      Violations* out, double* result) {
  double value = *result;
  if (!reader.Number(name, &value)) return;
  if (value >= low && value <= high) {
    *result = value;
  } else {
    out->Add(name, CanonicalNumber(value) + " is not between " + CanonicalNumber(low) + " and " +
                       CanonicalNumber(high));
  }
}

bool HasAxis(const SweepSpec& spec, const std::string& name) {
  return std::any_of(spec.axes.begin(), spec.axes.end(),
                     [&](const Axis& axis) { return axis.name == name; });
}

bool NoTask(const SweepSpec& spec) {
  return std::holds_alternative<std::string>(spec.task) && std::get<std::string>(spec.task).empty();
}

json AxisJson(const Axis& axis) {
  json values = json::array();
  for (const AxisValue& value : axis.values) {
    std::visit([&](const auto& held) { values.push_back(held); }, value);
  }
  return values;
}

}  // namespace

std::string AxisValueText(const AxisValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  char buffer[400];  // the longest double in plain decimals has 343 characters
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::get<double>(value) + 0.0,
                                 std::chars_format::fixed)
                       .ptr;
  return {buffer, end};
}

std::vector<std::string> AxisNames(const std::vector<Axis>& axes) {
  std::vector<std::string> names;
  for (const Axis& axis : axes) names.push_back(axis.name);
  return names;
}

Result<SweepSpec> ParseSweepSpec(const std::string& json_text) {
  Result<json> parsed = ParseJson(json_text, "sweep file");
  if (!parsed.ok()) return parsed.status();
  Violations out;
  SweepSpec spec;
  ObjectReader reader(*parsed, "", &out);
  if (!out.empty()) return out.ToStatus();

  reader.String("name", &spec.name);
  if (reader.Find("name") == nullptr) {
    out.Add("name", "the sweep has no name; add \"name\": \"...\"");
  } else if (parsed->at("name").is_string() && (spec.name.empty() || spec.name.size() > 200)) {
    out.Add("name", "the name of a sweep has 1 to 200 characters");
  }
  reader.Choice("kind", {"finetune", "pretrain", "profile", "infer"}, &spec.kind);
  reader.String("model", &spec.model);
  ReadTaskField(reader, &out, &spec);
  reader.String("attention", &spec.attention);
  ReadAxes(reader, &out, &spec);
  reader.Strings("where", &spec.where);
  ReadTraining(reader, &out, &spec);
  ReadSeeds(reader, "seeds", 1, &out, &spec.seeds);
  ReadSeeds(reader, "mask_seeds", 0, &out, &spec.mask_seeds);
  reader.Choice("baseline", {"dense", "none"}, &spec.baseline);
  reader.Choice("device", {"auto", "cpu", "cuda"}, &spec.device);
  reader.Whole("priority", -1000, 1000, &spec.priority);
  ReadNumberWithin(reader, "weight", 0.001, 1000, &out, &spec.weight);
  reader.Whole("max_running", 0, 1'000'000, &spec.max_running);
  ReadNeeds(reader, &out, &spec.needs);
  ReadNumberWithin(reader, "time_limit", 0, kMaxSeconds, &out, &spec.time_limit);
  ReadNumberWithin(reader, "idle_limit", 0, kMaxSeconds, &out, &spec.idle_limit);
  ReadNumberWithin(reader, "max_failed_share", 0, 1, &out, &spec.max_failed_share);
  if (const json* fresh = reader.Find("fresh")) {
    if (fresh->is_boolean()) {
      spec.fresh = fresh->get<bool>();
    } else {
      out.Add("fresh", DescribeJson(*fresh) + " must be true or false");
    }
  }
  reader.Choice("keep", {"none", "best", "last"}, &spec.keep);
  reader.Whole("threads", 0, 1024, &spec.threads);
  if (const json* profile = reader.Find("profile")) {
    spec.profile = ReadProfile(*profile, "profile", &out);
  }
  if (const json* infer = reader.Find("infer")) spec.infer = ReadInfer(*infer, "infer", &out);
  reader.Finish();

  if (parsed->find("model") == parsed->end() && !HasAxis(spec, "model")) {
    out.Add("model", "the sweep has no model; add \"model\": a registered name or a folder");
  } else if (parsed->contains("model") && parsed->at("model").is_string() && spec.model.empty()) {
    out.Add("model", "the name of the model is empty");
  }
  const bool measures = spec.kind == "profile" || spec.kind == "infer";  // made-up ids will do
  if (parsed->find("task") == parsed->end() && !HasAxis(spec, "task") && !measures) {
    out.Add("task", "the sweep has no task; add \"task\": a registered name or an object");
  }
  if (out.empty()) {  // what follows reads what was checked above
    CheckAxisUse(spec, &out);
    CheckKind(spec, &out);
    for (size_t i = 0; i < spec.where.size(); ++i) {
      const auto where = Where::Parse(spec.where[i], spec.axes);
      if (!where.ok()) out.Add(Item("where", i), where.status().message());
    }
  }
  if (!out.empty()) return out.ToStatus();
  return spec;
}

std::string SweepSpecToJson(const SweepSpec& spec) {
  json out = {{"name", spec.name},         {"kind", spec.kind},     {"attention", spec.attention},
              {"where", spec.where},       {"seeds", spec.seeds},   {"mask_seeds", spec.mask_seeds},
              {"baseline", spec.baseline}, {"device", spec.device}, {"priority", spec.priority}};
  if (!spec.model.empty()) out["model"] = spec.model;
  if (const auto* task = std::get_if<TaskSpec>(&spec.task)) {
    out["task"] = TaskJson(*task);
  } else if (!NoTask(spec)) {
    out["task"] = std::get<std::string>(spec.task);
  }
  out["axes"] = json::object();
  for (const Axis& axis : spec.axes) out["axes"][axis.name] = AxisJson(axis);
  out["training"] = TrainingJson(spec.training);
  // Left out where they say nothing: a sweep that was stored before they existed has equal text.
  const SweepSpec usual;
  if (spec.weight != usual.weight) out["weight"] = spec.weight;
  if (spec.max_running != usual.max_running) out["max_running"] = spec.max_running;
  if (spec.needs != usual.needs) out["needs"] = NeedsJson(spec.needs);
  if (spec.time_limit != usual.time_limit) out["time_limit"] = spec.time_limit;
  if (spec.idle_limit != usual.idle_limit) out["idle_limit"] = spec.idle_limit;
  if (spec.max_failed_share != usual.max_failed_share) {
    out["max_failed_share"] = spec.max_failed_share;
  }
  if (spec.fresh) out["fresh"] = true;
  if (spec.keep != usual.keep) out["keep"] = spec.keep;
  if (spec.threads != usual.threads) out["threads"] = spec.threads;
  if (spec.select) out["training"]["select"] = SelectionJson(*spec.select);
  if (spec.profile) out["profile"] = ProfileJson(*spec.profile);
  if (spec.infer) out["infer"] = InferJson(*spec.infer);
  return CanonicalJson(out);
}

}  // namespace sparsweep
