// See task_json.h. What a task file may say, and nothing about whether its files exist.
#include "core/task_json.h"

#include <algorithm>
#include <set>

#include "core/training_fields.h"

namespace sparsweep {
namespace {

using nlohmann::json;

// A path or a list of paths.
void ReadFiles(const json& value, const std::string& path, Violations* out, TaskSpec* task) {
  ObjectReader reader(value, path, out);
  for (const char* split : {"train", "dev", "test"}) {
    const json* files = reader.Find(split);
    if (files == nullptr) continue;
    std::vector<std::string> list(1);
    const bool good = files->is_string() ? ReadString(*files, reader.Path(split), out, &list[0])
                                         : ReadStrings(*files, reader.Path(split), out, &list);
    if (!good) continue;
    if (list.empty() || std::find(list.begin(), list.end(), "") != list.end()) {
      out->Add(reader.Path(split), "a list of files names at least one file, and none is empty");
    }
    task->files[split] = std::move(list);
  }
  reader.Finish();
}

void ReadColumns(const json& value, const std::string& path, Violations* out, TaskSpec* task) {
  ObjectReader reader(value, path, out);
  for (const char* role : {"text", "text_pair", "label", "id"}) {
    std::string column;
    if (!reader.String(role, &column)) continue;
    if (column.empty()) out->Add(reader.Path(role), "the name of the column is empty");
    task->columns[role] = column;
  }
  reader.Finish();
}

void ReadSplit(const json& value, const std::string& path, Violations* out, TaskSpec* task) {
  ObjectReader reader(value, path, out);
  std::string by = "hash";
  reader.Choice("by", {"hash", "half"}, &by);
  task->split_half = by == "half";
  if (task->split_half) {
    reader.Finish();
    return;
  }
  if (!reader.Number("dev", &task->split_dev)) {
    if (value.is_object() && !value.contains("dev")) {
      out->Add(path, "the split has no share; add \"dev\": 0.2");
    }
  } else if (!(task->split_dev > 0 && task->split_dev < 1)) {
    out->Add(reader.Path("dev"),
             CanonicalNumber(task->split_dev) + " is not a share between 0 and 1 (both exclusive)");
  }
  reader.Finish();
}

// A number, or "best": the one that does best on dev.
void ReadNullThreshold(ObjectReader& reader, Violations* out, TaskSpec* task) {
  const json* value = reader.Find("null_threshold");
  if (value == nullptr) return;
  if (value->is_string() && value->get_ref<const std::string&>() == "best") {
    task->null_threshold.reset();
  } else if (double number = 0; value->is_number()) {
    if (ReadNumber(*value, reader.Path("null_threshold"), out, &number)) {
      task->null_threshold = number;
    }
  } else {
    out->Add(reader.Path("null_threshold"), DescribeJson(*value) + " must be a number or \"best\"");
  }
}

void ReadParses(ObjectReader& reader, Violations* out, TaskSpec* task) {
  if (!reader.String("parses", &task->parses)) return;
  if (task->parses == "link-grammar" || task->parses == kDefaultParser) {
    task->parses.clear();
  } else if (task->parses != "conllu" && !task->parses.starts_with("link-grammar-")) {
    out->Add(reader.Path("parses"),
             "\"" + task->parses + "\" is none of: conllu, link-grammar, link-grammar-VERSION");
  }
}

// What each type reads: its formats, and the columns that it cannot do without.
struct TaskType {
  const char* name;
  std::vector<std::string> metrics;  // the usual one first
  std::vector<std::string> formats;
  std::vector<std::string> columns;  // of tsv, csv and jsonl
};

const std::vector<TaskType>& TaskTypes() {
  static const std::vector<TaskType> types = {
      {"classification", {"accuracy", "f1", "matthews"}, {"tsv", "csv", "jsonl"}, {"text", "label"}},
      {"regression", {"pearson", "spearman"}, {"tsv", "csv", "jsonl"}, {"text", "label"}},
      {"qa", {"f1", "exact_match"}, {"squad", "mrqa"}, {}},
      {"mlm", {"perplexity"}, {"text", "tsv", "csv", "jsonl"}, {"text"}},
  };
  return types;
}

const TaskType& TypeOf(const std::string& name) {
  for (const TaskType& type : TaskTypes()) {
    if (type.name == name) return type;
  }
  return TaskTypes().front();  // never: the name was validated
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  }
  return text;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The task's path in a violation: fields of a task file have none before them.
class TaskCheck {
 public:
  TaskCheck(const TaskSpec& task, const std::string& path, Violations* out)
      : task_(task), type_(TypeOf(task.type)), path_(path), out_(out) {}

  void All() {
    Splits();
    Columns();
    Labels();
    if (!task_.metric.empty() && !Contains(type_.metrics, task_.metric)) {
      Add("metric", "a task of type " + task_.type + " is not judged by " + task_.metric + "; use " +
                        Listed(type_.metrics));
    }
    if (task_.type != "qa" && task_.null_threshold != TaskSpec().null_threshold) {
      Add("null_threshold", "only a task of type qa has answers to withhold; remove it");
    }
  }

 private:
  void Add(const std::string& name, const std::string& description) {
    out_->Add(path_.empty() ? name : path_ + "." + name, description);
  }

  void Splits() {
    if (!task_.files.contains("train")) {
      Add("files", "the task has no training data; add \"files\": {\"train\": [...]}");
    }
    const bool dev = task_.files.contains("dev");
    if (task_.type == "qa") {
      if (task_.split_dev > 0) {
        Add("split", "a task of type qa is not split by hash; give it \"dev\" files");
      } else if (!dev) {
        Add("files", "the task has no dev data; add \"dev\" to files");
      }
      if (task_.split_half && task_.files.contains("test")) {
        Add("split", "the task has a test file, and a split of dev into dev and test; remove one");
      }
      return;
    }
    if (task_.split_half) {
      Add("split", "only a task of type qa is split by half; use \"by\": \"hash\"");
    } else if (dev && task_.split_dev > 0) {
      Add("split", "the task has a dev file and a split; remove one of them");
    } else if (!dev && task_.split_dev == 0) {
      Add("files",
          "the task has no dev data; add \"dev\" to files, or \"split\": "
          "{\"by\": \"hash\", \"dev\": 0.2}");
    }
  }

  void Columns() {
    if (task_.format.empty()) {
      return Add("format", "the task has no format: " + Listed(type_.formats));
    }
    if (!Contains(type_.formats, task_.format)) {
      return Add("format", "a task of type " + task_.type + " is not read from " + task_.format +
                               "; use " + Listed(type_.formats));
    }
    const bool named = Contains({"tsv", "csv", "jsonl"}, task_.format);
    for (const std::string& role : type_.columns) {
      if (named && !task_.columns.contains(role)) {
        Add("columns", "the task does not say which column holds the " + role +
                           "; add \"columns\": {\"" + role + "\": \"...\"}");
      }
    }
    if (!named && !task_.columns.empty()) {
      Add("columns", "files of format " + task_.format + " have no columns to name; remove it");
    }
  }

  void Labels() {
    if (task_.type != "classification") {
      if (!task_.labels.empty()) {
        Add("labels", "a task of type " + task_.type + " has no classes; remove the labels");
      }
      return;
    }
    if (task_.labels.size() < 2) {
      Add("labels", "the task needs at least two labels, as they stand in the data");
    }
    std::set<std::string> seen;
    for (const std::string& label : task_.labels) {
      if (!seen.insert(label).second) Add("labels", "label \"" + label + "\" is there twice");
    }
  }

  const TaskSpec& task_;
  const TaskType& type_;
  const std::string& path_;
  Violations* const out_;
};

}  // namespace

const std::vector<std::string>& MetricsOf(const std::string& type) { return TypeOf(type).metrics; }

const std::string& PrimaryMetric(const TaskSpec& task) {
  return task.metric.empty() ? TypeOf(task.type).metrics.front() : task.metric;
}

bool LowerIsBetter(const std::string& metric) {
  return metric == "perplexity" || metric == "loss" || metric.ends_with("_ms") ||
         metric.ends_with("_bytes");
}

TaskSpec ReadTask(const json& value, const std::string& path, Violations* out) {
  TaskSpec task;
  Violations found;
  ObjectReader reader(value, path, &found);
  if (found.empty()) {
    reader.String("name", &task.name);
    reader.String("base_dir", &task.base_dir);
    reader.Choice("type", {"classification", "regression", "qa", "mlm"}, &task.type);
    if (const json* files = reader.Find("files")) {
      ReadFiles(*files, reader.Path("files"), &found, &task);
    }
    reader.Choice("format", {"tsv", "csv", "jsonl", "squad", "mrqa", "text"}, &task.format);
    reader.Choice("metric",
                  {"accuracy", "f1", "matthews", "pearson", "spearman", "exact_match", "perplexity"},
                  &task.metric);
    ReadNullThreshold(reader, &found, &task);
    if (const json* columns = reader.Find("columns")) {
      ReadColumns(*columns, reader.Path("columns"), &found, &task);
    }
    reader.Strings("labels", &task.labels);
    if (const json* split = reader.Find("split")) {
      ReadSplit(*split, reader.Path("split"), &found, &task);
    }
    ReadParses(reader, &found, &task);
    if (reader.String("glove", &task.glove) && task.glove.empty()) {
      found.Add(reader.Path("glove"), "the name of the GloVe file is empty");
    }
    reader.Finish();
    if (found.empty()) TaskCheck(task, path, &found).All();
    // The usual one need not be said: both spellings are one task.
    if (task.metric == TypeOf(task.type).metrics.front()) task.metric.clear();
  }
  for (const FieldViolation& violation : found.fields()) {
    out->Add(violation.field, violation.description);
  }
  return task;
}

json TaskJson(const TaskSpec& task) {
  json out = {{"type", task.type},
              {"files", task.files},
              {"format", task.format},
              {"columns", task.columns},
              {"labels", task.labels}};
  if (!task.name.empty()) out["name"] = task.name;
  if (!task.base_dir.empty()) out["base_dir"] = task.base_dir;
  if (!task.parses.empty()) out["parses"] = task.parses;
  if (!task.glove.empty()) out["glove"] = task.glove;
  if (task.split_dev > 0) out["split"] = {{"by", "hash"}, {"dev", task.split_dev}};
  if (task.split_half) out["split"] = {{"by", "half"}};
  if (!task.metric.empty()) out["metric"] = task.metric;
  if (!task.null_threshold) {
    out["null_threshold"] = "best";
  } else if (*task.null_threshold != 0) {
    out["null_threshold"] = *task.null_threshold;
  }
  return out;
}

json TrainingJson(const TrainingOptions& options) {
  json out = json::object();
  const TrainingOptions usual;
  for (const TrainingField& field : TrainingFields()) {
    const AxisValue value = GetTrainingField(field, options);
    if (field.sparing && value == GetTrainingField(field, usual)) continue;
    std::visit([&](const auto& held) { out[field.name] = held; }, value);
  }
  return out;
}

Result<TaskSpec> ParseTaskSpec(const std::string& json_text) {
  Result<json> parsed = ParseJson(json_text, "task");
  if (!parsed.ok()) return parsed.status();
  Violations out;
  TaskSpec task = ReadTask(*parsed, "", &out);
  if (!out.empty()) return out.ToStatus();
  return task;
}

std::string TaskSpecToJson(const TaskSpec& task) { return CanonicalJson(TaskJson(task)); }

}  // namespace sparsweep
