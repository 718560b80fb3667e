// Weights that trials made, as files that another trial's model needs and this machine lacks. Pure
// but for asking which files exist.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sparsweep {

struct BlobFile {
  std::string sha256;
  std::filesystem::path path;
  bool operator==(const BlobFile&) const = default;
};

// Files of the model of a trial (TrialSpec as JSON) that are to be fetched into
// DATA/cache/models/FINGERPRINT. None where the model is one of the catalog.
std::vector<BlobFile> MissingModelFiles(const std::string& trial_json,
                                        const std::filesystem::path& data);

}  // namespace sparsweep
