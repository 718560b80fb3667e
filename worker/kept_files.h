// The worker's own folder for files that results name, until they are stored: PARENT/INCARNATION/.
//
// A worker that was killed leaves its folder behind. Whoever starts beside it removes the folders of
// those that are gone: each holds a locked file for as long as its process lives, and no longer.
#pragma once

#include <filesystem>
#include <string>

namespace sparsweep {

class KeptFiles {
 public:
  // Where the folder cannot be made nothing is locked or removed; keeping files fails later, by name.
  KeptFiles(const std::filesystem::path& parent, const std::string& incarnation);
  ~KeptFiles();  // removes it
  KeptFiles(const KeptFiles&) = delete;
  KeptFiles& operator=(const KeptFiles&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  int lock_ = -1;
};

}  // namespace sparsweep
