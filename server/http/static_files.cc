// Reads a folder of static files.
#include "server/http/static_files.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

const char* TypeOf(const std::string& extension) {
  if (extension == ".html") return "text/html; charset=utf-8";
  if (extension == ".js") return "text/javascript; charset=utf-8";
  if (extension == ".css") return "text/css; charset=utf-8";
  if (extension == ".svg") return "image/svg+xml";
  if (extension == ".json") return "application/json";
  if (extension == ".woff2") return "font/woff2";
  if (extension == ".png") return "image/png";
  return "application/octet-stream";
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Result<StaticFiles> StaticFiles::Load(const std::string& folder) {
  StaticFiles files;
  std::error_code error;
  const fs::path root(folder);
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_regular_file() || at->path().extension() == ".gz") continue;
    StaticFile file;
    file.type = TypeOf(at->path().extension().string());
    file.body = ReadAll(at->path());
    const fs::path gzipped = at->path().string() + ".gz";
    if (fs::exists(gzipped)) file.gzipped = ReadAll(gzipped);
    const std::string name = "/" + at->path().lexically_relative(root).generic_string();
    file.hashed = name.starts_with("/assets/");
    files.files_.emplace(name, std::move(file));
  }
  if (!files.files_.contains("/index.html")) {
    return Status(StatusCode::kNotFound,
                  "no dashboard in \"" + folder +
                      "\": build it with scripts/build, or start without a web folder");
  }
  return files;
}

const StaticFile* StaticFiles::Find(std::string_view path) const {
  auto found = files_.find(path);
  const bool is_page = path.find('.') == std::string_view::npos;
  if (found == files_.end() && is_page) found = files_.find("/index.html");
  return found == files_.end() ? nullptr : &found->second;
}

}  // namespace sparsweep
