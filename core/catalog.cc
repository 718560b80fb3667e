// See catalog.h.
#include "core/catalog.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/json.h"
#include "core/model_config.h"
#include "core/nearest.h"
#include "core/sha256.h"
#include "core/task_json.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModelFiles[] = {"config.json", "model.safetensors", "tokenizer.json"};

Status NotFound(std::string field, std::string message) {
  std::vector<FieldViolation> fields{{std::move(field), message}};
  return {StatusCode::kNotFound, std::move(message), std::move(fields)};
}

Result<std::string> ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || fs::is_directory(path)) {
    return Status(StatusCode::kNotFound,
                  path.string() +
                      " cannot be read: " + std::strerror(fs::is_directory(path) ? EISDIR : errno));
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool IsPath(const std::string& name) { return name.find('/') != std::string::npos; }

// No '/' by then: "." and ".." would leave the folder, a leading '.' hides a file.
bool IsRegistrable(const std::string& name) { return !name.empty() && name[0] != '.'; }

std::string NearHint(const std::string& name, const std::vector<std::string>& registered) {
  const auto nearest = NearestName(name, registered);
  return nearest ? "; did you mean \"" + *nearest + "\"?" : "";
}

// The same refusal with the model's or task's field in front of the paths of its violations.
Status Under(const std::string& field, const std::string& what, const Status& status) {
  std::vector<FieldViolation> fields{{field, what + status.message()}};
  return {status.code(), what + status.message(), std::move(fields)};
}

}  // namespace

Result<std::string> HashCache::FileSha256(const fs::path& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) {
    return Status(StatusCode::kNotFound,
                  path.string() + " cannot be read: " + std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    return InvalidArgument(path.string() + " is not a regular file");
  }
  const Key key = {path.string(), info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                   info.st_ino};
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = hashes_.find(key); it != hashes_.end()) return it->second;
  }
  std::ifstream in(path, std::ios::binary);
  Sha256Hasher hasher;
  std::vector<char> block(1 << 20);
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    hasher.Update(block.data(), static_cast<size_t>(in.gcount()));
  }
  if (!in.eof()) {
    return Status(StatusCode::kUnavailable,
                  path.string() + " cannot be read: " + std::strerror(errno));
  }
  const std::string hash = Hex(hasher.Finish());
  const std::lock_guard lock(mutex_);
  ++reads_;
  return hashes_[key] = hash;
}

int64_t HashCache::reads() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

fs::path Catalog::DefaultFolder() {
  if (const char* data = std::getenv("SPARSWEEP_DATA"); data != nullptr && *data != '\0') {
    return data;
  }
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/") / ".local/share/sparsweep";
}

std::vector<std::string> Catalog::Models() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(data_ / "models", ignored)) {
    if (entry.is_directory(ignored)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Catalog::Tasks() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(data_ / "tasks", ignored)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<ResolvedModel> Catalog::Model(const std::string& name) { return Model(name, true); }

Result<ResolvedModel> Catalog::ModelWithoutWeights(const std::string& name) {
  return Model(name, false);
}

Result<ResolvedModel> Catalog::Model(const std::string& name, bool weights) {
  ResolvedModel model;
  model.name = name;
  const fs::path folder = ModelFolder(data_, name);
  std::error_code ignored;
  if (IsPath(name)) {
    if (!folder.is_absolute()) {
      return InvalidField("model", "model \"" + name + "\" is a relative path; write it absolute");
    }
    if (!fs::is_directory(folder, ignored)) {
      return NotFound("model", "model \"" + name +
                                   "\" is not a folder; it must hold config.json, "
                                   "model.safetensors and tokenizer.json");
    }
  } else if (!IsRegistrable(name) || !fs::is_directory(folder, ignored)) {
    return NotFound("model", "model \"" + name + "\" is not in " + (data_ / "models").string() +
                                 "; run scripts/bootstrap or put config.json, model.safetensors "
                                 "and tokenizer.json there" +
                                 NearHint(name, Models()));
  }
  const std::string what = "model \"" + name + "\": ";
  for (const char* file : kModelFiles) {
    const bool needed = weights || std::string_view(file) == "config.json";
    if (needed && !fs::exists(folder / file, ignored)) {
      return NotFound("model", what + file + " is missing in " + folder.string() +
                                   "; put it there or run scripts/bootstrap");
    }
  }
  Result<std::string> config = ReadText(folder / "config.json");
  if (!config.ok()) return Under("model", what, config.status());
  const Status read = ReadModelConfig(*config, &model);
  if (!read.ok()) return Under("model", what, read);
  Result<std::string> fingerprint = ModelFingerprint(folder, hashes_, weights);
  if (!fingerprint.ok()) return Under("model", what, fingerprint.status());
  model.folder = folder.string();
  model.fingerprint = *std::move(fingerprint);
  return model;
}

Result<ResolvedTask> Catalog::Task(const std::variant<std::string, TaskSpec>& task) {
  ResolvedTask resolved;
  if (const auto* spec = std::get_if<TaskSpec>(&task)) {
    resolved.task = *spec;
    resolved.name = spec->name.empty() ? "(inline)" : spec->name;
  } else {
    const std::string& name = std::get<std::string>(task);
    fs::path file = data_ / "tasks" / (name + ".json");
    std::error_code ignored;
    if (IsPath(name)) {
      file = name;
      if (!file.is_absolute()) {
        return InvalidField("task", "task \"" + name + "\" is a relative path; write it absolute");
      }
      if (!fs::exists(file, ignored)) {
        return NotFound("task", "task \"" + name + "\" is not a file");
      }
    } else if (!IsRegistrable(name) || !fs::exists(file, ignored)) {
      return NotFound("task", "task \"" + name + "\" is not in " + (data_ / "tasks").string() +
                                  "; run scripts/bootstrap or put " + name + ".json there" +
                                  NearHint(name, Tasks()));
    }
    const std::string what = "task \"" + name + "\": ";
    Result<std::string> text = ReadText(file);
    if (!text.ok()) return Under("task", what, text.status());
    Result<TaskSpec> parsed = ParseTaskSpec(*text);
    if (!parsed.ok()) return Under("task", what, parsed.status());
    resolved.task = *std::move(parsed);
    resolved.task.name = name;
    resolved.task.base_dir = IsPath(name) ? file.parent_path().string() : "";
    resolved.name = name;
  }

  const std::string what = "task \"" + resolved.name + "\": ";
  for (const auto& [split, paths] : resolved.task.files) {
    for (const std::string& path : paths) {
      const fs::path file = TaskFile(data_, resolved.task, path);
      std::error_code ignored;
      if (!fs::is_regular_file(file, ignored)) {
        return NotFound("task.files." + split,
                        what + "the " + split + " file " + file.string() +
                            " is not there; put it there, correct \"files\", or run "
                            "scripts/bootstrap");
      }
      const fs::path parses = file.string() + ".conllu";
      if (resolved.task.parses == "conllu" && !fs::is_regular_file(parses, ignored)) {
        return NotFound("task.parses", what + "the parses of " + file.string() + ", " +
                                           parses.string() +
                                           ", are not there; put them there, or remove "
                                           "\"parses\" to parse with link-grammar");
      }
    }
  }
  if (!resolved.task.glove.empty()) {
    const fs::path file = GloveFile(data_, resolved.task);
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) {
      return NotFound("task.glove", what + "the GloVe file " + file.string() +
                                        " is not there; put it there or correct \"glove\"");
    }
  }
  Result<std::string> fingerprint = DataFingerprint(data_, resolved.task, hashes_);
  if (!fingerprint.ok()) return Under("task", what, fingerprint.status());
  resolved.fingerprint = *std::move(fingerprint);
  return resolved;
}

Result<std::string> ModelFingerprint(const fs::path& folder, HashCache& hashes, bool weights) {
  std::string lines;
  std::error_code ignored;
  for (const char* file : kModelFiles) {  // sorted
    if (!weights && !fs::exists(folder / file, ignored)) continue;
    Result<std::string> hash = hashes.FileSha256(folder / file);
    if (!hash.ok()) return hash.status();
    lines += std::string(file) + " " + *hash + "\n";
  }
  return Sha256Hex(lines);
}

fs::path ModelFolder(const fs::path& data, const std::string& name) {
  return IsPath(name) ? fs::path(name) : data / "models" / name;
}

fs::path TaskFile(const fs::path& data, const TaskSpec& task, const std::string& file) {
  const fs::path base = task.base_dir.empty() ? data / "tasks" : fs::path(task.base_dir);
  return (base / file).lexically_normal();
}

fs::path GloveFile(const fs::path& data, const TaskSpec& task) {
  return IsPath(task.glove) ? TaskFile(data, task, task.glove)
                            : data / "glove" / (task.glove + ".txt");
}

Status CheckTextInputs(const std::string& canonical, const TaskSpec& task) {
  if (task.glove.empty() && canonical.find("by=glove") != std::string::npos) {
    return InvalidField("task.glove",
                        "by=glove needs word vectors, and the task names none; add \"glove\": "
                        "\"NAME\" (of DATA/glove/NAME.txt) or a path to it");
  }
  return {};
}

Result<std::string> DataFingerprint(const fs::path& data, const TaskSpec& task, HashCache& hashes) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& what, const fs::path& file) -> Status {
    Result<std::string> hash = hashes.FileSha256(file);
    if (!hash.ok()) return hash.status();
    lines.push_back(what + " " + *hash + "\n");
    return {};
  };
  for (const auto& [split, paths] : task.files) {
    for (size_t i = 0; i < paths.size(); ++i) {
      const fs::path file = TaskFile(data, task, paths[i]);
      Status added = add(split + "/" + std::to_string(i), file);
      if (added.ok() && task.parses == "conllu") {
        added = add(split + "/" + std::to_string(i) + ".conllu", file.string() + ".conllu");
      }
      if (!added.ok()) return added;
    }
  }
  if (!task.glove.empty()) {
    if (Status added = add("glove", GloveFile(data, task)); !added.ok()) return added;
  }
  std::sort(lines.begin(), lines.end());
  nlohmann::json rest = TaskJson(task);
  for (const char* field : {"files", "name", "base_dir", "glove"}) rest.erase(field);
  std::string text;
  for (const std::string& line : lines) text += line;
  return Sha256Hex(text + CanonicalJson(rest) + "\n");
}

}  // namespace sparsweep
