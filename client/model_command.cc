// `sparsweep model`: the weights that a trial kept, as a folder in Hugging Face layout.
#include <cstdio>
#include <filesystem>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/fetch.h"
#include "core/kept_folder.h"

namespace sparsweep {

namespace fs = std::filesystem;

int WriteModel(const Options& options) {
  const Result<std::string> name = TrialName(options.subject);
  if (!name.ok()) return Refuse(name.status());
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  const Result<v1::Trial> trial = GetTrial(**service, *name);
  if (!trial.ok()) return Refuse(trial.status());
  const auto kept = trial->result().fields().find("checkpoint");
  if (kept == trial->result().fields().end()) {
    return Refuse(InvalidArgument("trial " + name->substr(7) +
                                  " kept no weights; run its sweep with \"keep\": \"best\" or "
                                  "\"last\""));
  }
  const auto& fields = kept->second.struct_value().fields();
  const fs::path folder = options.output;
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return Refuse(InvalidArgument(folder.string() + ": is there already; choose a new folder"));
  }
  fs::create_directories(folder, error);
  for (const auto& [file, digest] : fields.at("files").struct_value().fields()) {
    if (!IsFileName(file)) {
      return Refuse(InvalidArgument("the trial's result names a file \"" + file + "\""));
    }
    Status fetched = FetchBlob(**service, digest.string_value(), folder / file);
    if (!fetched.ok()) return Refuse(fetched);
  }
  std::printf("%s  fingerprint %s\n", folder.c_str(),
              fields.at("fingerprint").string_value().c_str());
  return kExitOk;
}

}  // namespace sparsweep
