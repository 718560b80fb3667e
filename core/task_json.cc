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
  reader.Choice("by", {"hash"}, &by);
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

void ReadParses(ObjectReader& reader, Violations* out, TaskSpec* task) {
  if (!reader.String("parses", &task->parses)) return;
  if (task->parses == "link-grammar" || task->parses == kDefaultParser) {
    task->parses.clear();
  } else if (task->parses != "conllu" && !task->parses.starts_with("link-grammar-")) {
    out->Add(reader.Path("parses"),
             "\"" + task->parses + "\" is none of: conllu, link-grammar, link-grammar-VERSION");
  }
}

void CheckTask(const TaskSpec& task, const std::string& path, Violations* out) {
  const auto at = [&](const char* name) { return path.empty() ? name : path + "." + name; };
  if (!task.files.contains("train")) {
    out->Add(at("files"), "the task has no training data; add \"files\": {\"train\": [...]}");
  }
  if (task.files.contains("dev") && task.split_dev > 0) {
    out->Add(at("split"), "the task has a dev file and a split; remove one of them");
  } else if (!task.files.contains("dev") && task.split_dev == 0) {
    out->Add(at("files"),
             "the task has no dev data; add \"dev\" to files, or \"split\": "
             "{\"by\": \"hash\", \"dev\": 0.2}");
  }
  for (const char* role : {"text", "label"}) {
    if (!task.columns.contains(role)) {
      out->Add(at("columns"), std::string("the task does not say which column holds the ") + role +
                                  "; add \"columns\": {\"" + role + "\": \"...\"}");
    }
  }
  if (task.format.empty()) out->Add(at("format"), "the task has no format: tsv, csv or jsonl");
  if (task.labels.size() < 2) {
    out->Add(at("labels"), "the task needs at least two labels, as they stand in the data");
  }
  std::set<std::string> seen;
  for (const std::string& label : task.labels) {
    if (!seen.insert(label).second)
      out->Add(at("labels"), "label \"" + label + "\" is there twice");
  }
}

}  // namespace

TaskSpec ReadTask(const json& value, const std::string& path, Violations* out) {
  TaskSpec task;
  Violations found;
  ObjectReader reader(value, path, &found);
  if (found.empty()) {
    reader.String("name", &task.name);
    reader.String("base_dir", &task.base_dir);
    if (reader.Choice("type", {"classification", "regression", "qa", "mlm"}, &task.type) &&
        task.type != "classification") {
      found.Add(reader.Path("type"),
                "type \"" + task.type + "\" is not available yet in this version");
    }
    if (const json* files = reader.Find("files")) {
      ReadFiles(*files, reader.Path("files"), &found, &task);
    }
    if (reader.Choice("format", {"tsv", "csv", "jsonl", "squad", "mrqa", "text"}, &task.format) &&
        task.format.size() > 3 && task.format != "jsonl") {
      found.Add(reader.Path("format"),
                "format \"" + task.format + "\" is not available yet in this version");
    }
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
    if (found.empty()) CheckTask(task, path, &found);
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
  return out;
}

json TrainingJson(const TrainingOptions& options) {
  json out = json::object();
  for (const TrainingField& field : TrainingFields()) {
    std::visit([&](const auto& value) { out[field.name] = value; },
               GetTrainingField(field, options));
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
