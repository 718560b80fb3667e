#include "worker/model_files.h"

#include "core/trial_model.h"

namespace sparsweep {

std::vector<BlobFile> MissingModelFiles(const std::string& trial_json,
                                        const std::filesystem::path& data) {
  std::vector<BlobFile> missing;
  if (trial_json.find("\"model_files\"") == std::string::npos) return missing;
  const auto spec = ParseTrialSpec(trial_json);
  if (!spec.ok()) return missing;  // the trainer says what is wrong with it
  for (const auto& [name, sha256] : spec->model_files) {
    const std::filesystem::path path = CachedModel(data, spec->model_fingerprint) / name;
    if (!std::filesystem::exists(path)) missing.push_back({sha256, path});
  }
  return missing;
}

}  // namespace sparsweep
