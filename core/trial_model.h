// Where a trial's model lies on this machine, be it of the catalog or made by another trial. Pure.
#pragma once

#include <filesystem>
#include <string>

#include "core/catalog.h"
#include "core/trial.h"

namespace sparsweep {

// Where a worker fetches a model that a trial made: DATA/cache/models/FINGERPRINT.
inline std::filesystem::path CachedModel(const std::filesystem::path& data_folder,
                                         const std::string& fingerprint) {
  return data_folder / "cache" / "models" / fingerprint;
}

inline std::filesystem::path ModelFolder(const std::filesystem::path& data_folder,
                                         const TrialSpec& spec) {
  return spec.model_files.empty() ? ModelFolder(data_folder, spec.model)
                                  : CachedModel(data_folder, spec.model_fingerprint);
}

}  // namespace sparsweep
