// The files of the built dashboard, all read at start (about 200 KiB): no request reaches the file
// system, so that no path can lead out of the folder. Immutable after Load; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sparsweep {

struct StaticFile {
  std::string type;  // MIME type
  std::string body;
  std::string gzipped;  // empty: there is no .gz beside it
  bool hashed = false;  // its name changes with its content (assets/): may be cached for ever
};

class StaticFiles {
 public:
  StaticFiles() = default;  // no dashboard
  static Result<StaticFiles> Load(const std::string& folder);

  // nullptr: not found. Pages have addresses without a file (`/sweeps/1`): they are index.html.
  const StaticFile* Find(std::string_view path) const;
  bool empty() const { return files_.empty(); }

 private:
  std::map<std::string, StaticFile, std::less<>> files_;  // "/assets/index-BttPnL8r.js"
};

}  // namespace sparsweep
