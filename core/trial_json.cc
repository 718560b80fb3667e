// Trials as JSON: in the database, to workers, on the trainer's pipe. Every field is written and
// required, so that a cut or foreign document is refused instead of read with defaults. Fields that
// the first version had not are written only where they say something.
#include <array>

#include "core/json.h"
#include "core/kept_folder.h"
#include "core/kind_json.h"
#include "core/required.h"
#include "core/task_json.h"
#include "core/training_fields.h"
#include "core/trial.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 9> kReasons = {"out_of_memory", "diverged", "data",
                                                 "attestation",   "timeout",  "crashed",
                                                 "lost",          "refused",  "interrupted"};

void ReadTraining(const json& value, Violations* out, TrainingOptions* training) {
  Required reader(value, "training", out);
  for (const TrainingField& field : TrainingFields()) {
    if ((field.since_later || field.sparing) && value.is_object() && !value.contains(field.name))
      continue;
    const json* given = reader.Find(field.name);
    if (given == nullptr) continue;
    AxisValue read = false;
    if (given->is_number()) read = given->get<double>();
    if (given->is_string()) read = given->get<std::string>();
    const Status status = SetTrainingField(field, read, training);
    if (!status.ok()) out->Add(reader.Path(field.name), status.message());
  }
}

}  // namespace

const char* FailureReasonName(FailureReason reason) {
  return kReasons[static_cast<size_t>(reason)];
}

std::optional<FailureReason> ParseFailureReason(const std::string& name) {
  for (size_t i = 0; i < kReasons.size(); ++i) {
    if (name == kReasons[i]) return static_cast<FailureReason>(i);
  }
  return std::nullopt;
}

std::string TrialSpecToJson(const TrialSpec& spec) {
  json out = {{"identity", spec.identity},
              {"kind", spec.kind},
              {"model", spec.model},
              {"model_fingerprint", spec.model_fingerprint},
              {"data_fingerprint", spec.data_fingerprint},
              {"attention", spec.attention},
              {"layers", spec.layers},
              {"heads", spec.heads},
              {"training", TrainingJson(spec.training)},
              {"seed", spec.seed},
              {"device", spec.device}};
  if (HasTask(spec)) out["task"] = TaskJson(spec.task);
  if (spec.threads != 0) out["threads"] = spec.threads;
  if (spec.keep != "none") out["keep"] = spec.keep;
  if (spec.profile) out["profile"] = ProfileJson(*spec.profile);
  if (spec.infer) out["infer"] = InferJson(*spec.infer);
  if (!spec.model_files.empty()) out["model_files"] = spec.model_files;
  if (spec.mask_seed) out["mask_seed"] = *spec.mask_seed;
  return CanonicalJson(out);
}

Result<TrialSpec> ParseTrialSpec(const std::string& json_text) {
  Result<json> parsed = ParseJson(json_text, "trial");
  if (!parsed.ok()) return parsed.status();
  Violations out;
  TrialSpec spec;
  Required reader(*parsed, "", &out);
  if (!out.empty()) return out.ToStatus();
  reader.Read("identity", &spec.identity);
  reader.Read("kind", &spec.kind);
  reader.Read("model", &spec.model);
  reader.Read("model_fingerprint", &spec.model_fingerprint);
  const bool measures = spec.kind == "profile" || spec.kind == "infer";
  if (!measures || parsed->contains("task")) {
    if (const json* task = reader.Find("task")) spec.task = ReadTask(*task, "task", &out);
  }
  reader.Read("data_fingerprint", &spec.data_fingerprint);
  reader.Read("attention", &spec.attention);
  reader.Read("layers", &spec.layers);
  reader.Read("heads", &spec.heads);
  if (const json* training = reader.Find("training")) {
    ReadTraining(*training, &out, &spec.training);
  }
  int64_t seed = 0;
  reader.Read("seed", &seed);
  spec.seed = static_cast<uint64_t>(seed);
  if (parsed->contains("mask_seed")) {
    reader.Read("mask_seed", &seed);
    spec.mask_seed = static_cast<uint64_t>(seed);
  }
  reader.Read("device", &spec.device);
  if (parsed->contains("threads")) reader.Read("threads", &spec.threads);
  if (parsed->contains("keep")) reader.Read("keep", &spec.keep);
  if (parsed->contains("profile")) {
    spec.profile = ReadProfile((*parsed)["profile"], "profile", &out);
  }
  if (parsed->contains("infer")) spec.infer = ReadInfer((*parsed)["infer"], "infer", &out);
  if (parsed->contains("model_files")) {
    reader.Entries("model_files", [&](const auto& name, const json& value, const auto& path) {
      ReadString(value, path, &out, &spec.model_files[name]);
      if (!IsFileName(name)) out.Add(path, "\"" + name + "\" is not the name of a file");
    });
    if (!IsFileName(spec.model_fingerprint)) out.Add("model_fingerprint", "is not a fingerprint");
  }
  if (!out.empty()) return out.ToStatus();
  return spec;
}

}  // namespace sparsweep
