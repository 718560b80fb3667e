#include "client/sweep_file.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

// A name without '/' is looked up by the server; everything else is a path.
void MakeAbsolute(const fs::path& folder, std::string* name) {
  if (name->find('/') == std::string::npos) return;
  *name = (folder / *name).lexically_normal().string();
  while (name->size() > 1 && name->back() == '/') name->pop_back();
}

}  // namespace

void MakePathsAbsolute(const std::string& folder_text, SweepSpec* spec) {
  const fs::path folder = folder_text;
  MakeAbsolute(folder, &spec->model);
  if (auto* name = std::get_if<std::string>(&spec->task)) {
    MakeAbsolute(folder, name);
  } else {
    auto& task = std::get<TaskSpec>(spec->task);
    const fs::path base = folder / task.base_dir;
    for (auto& [split, files] : task.files) {
      for (std::string& file : files) file = (base / file).lexically_normal().string();
    }
    MakeAbsolute(base, &task.glove);
    task.base_dir.clear();
  }
  for (Axis& axis : spec->axes) {
    if (axis.name != "model" && axis.name != "task") continue;
    for (AxisValue& value : axis.values) {
      if (auto* name = std::get_if<std::string>(&value)) MakeAbsolute(folder, name);
    }
  }
}

Result<SweepSpec> LoadSweepFile(const std::string& path) {
  std::string text;
  fs::path folder = fs::current_path();
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      return InvalidArgument(path + " is a folder, not a sweep file");
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      return Status{StatusCode::kNotFound,
                    "cannot read the sweep file " + path + "; check the path"};
    }
    text.assign(std::istreambuf_iterator<char>(in), {});
    folder = fs::absolute(path).parent_path();
  }
  Result<SweepSpec> spec = ParseSweepSpec(text);
  if (!spec.ok()) {
    return Status{spec.status().code(), path + ": " + spec.status().message(),
                  spec.status().fields()};
  }
  MakePathsAbsolute(folder.string(), &*spec);
  return spec;
}

}  // namespace sparsweep
