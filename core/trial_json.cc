// Trials and their results as JSON: in the database, to workers, on the trainer's pipe. Every
// field is written and required, so that a cut or foreign document is refused instead of read with
// defaults. Fields that the first version had not are written only where they say something.
#include <array>

#include "core/json.h"
#include "core/learned_degrees.h"
#include "core/task_json.h"
#include "core/training_fields.h"
#include "core/trial.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 9> kReasons = {"out_of_memory", "diverged", "data",
                                                 "attestation",   "timeout",  "crashed",
                                                 "lost",          "refused",  "interrupted"};

// Getters for fields that must be there.
class Required {
 public:
  Required(const json& value, const std::string& path, Violations* out)
      : reader_(value, path, out), out_(out) {}

  const json* Find(const std::string& name) {
    const json* value = reader_.Find(name);
    if (value == nullptr) out_->Add(reader_.Path(name), "the field is missing");
    return value;
  }
  void Read(const std::string& name, std::string* result) {
    if (Find(name) != nullptr) reader_.String(name, result);
  }
  void Read(const std::string& name, double* result) {
    if (Find(name) != nullptr) reader_.Number(name, result);
  }
  void Read(const std::string& name, int64_t* result) {
    if (Find(name) != nullptr) reader_.Whole(name, 0, kMaxWhole, result);
  }
  void Read(const std::string& name, int* result) {
    int64_t wide = 0;
    if (Find(name) != nullptr && reader_.Whole(name, 0, 1 << 30, &wide)) {
      *result = static_cast<int>(wide);
    }
  }
  std::string Path(const std::string& name) const { return reader_.Path(name); }

 private:
  ObjectReader reader_;
  Violations* out_;
};

void ReadTraining(const json& value, Violations* out, TrainingOptions* training) {
  Required reader(value, "training", out);
  for (const TrainingField& field : TrainingFields()) {
    if (field.since_later && value.is_object() && !value.contains(field.name)) continue;
    const json* given = reader.Find(field.name);
    if (given == nullptr) continue;
    AxisValue read = false;
    if (given->is_number()) read = given->get<double>();
    if (given->is_string()) read = given->get<std::string>();
    const Status status = SetTrainingField(field, read, training);
    if (!status.ok()) out->Add(reader.Path(field.name), status.message());
  }
}

MaskRow ReadMaskRow(const json& value, const std::string& path, Violations* out) {
  MaskRow row;
  Required reader(value, path, out);
  reader.Read("layer", &row.layer);
  reader.Read("head", &row.head);
  reader.Read("kept", &row.kept);
  reader.Read("density", &row.density);
  reader.Read("empty_rows", &row.empty_rows);
  reader.Read("tile_sparsity", &row.tile_sparsity);
  reader.Read("path", &row.path);
  reader.Read("hash", &row.hash);
  return row;
}

DegreeRow ReadDegreeRow(const json& value, const std::string& path, Violations* out) {
  DegreeRow row;
  Required reader(value, path, out);
  reader.Read("epoch", &row.epoch);
  reader.Read("layer", &row.layer);
  const auto wholes = [&](const std::string& name, int64_t high, auto* numbers) {
    const json* list = reader.Find(name);
    if (list != nullptr && !list->is_array()) {
      out->Add(reader.Path(name), DescribeJson(*list) + " must be a list");
    }
    for (size_t i = 0; list != nullptr && list->is_array() && i < list->size(); ++i) {
      int64_t number = 0;
      ReadWhole((*list)[i], reader.Path(name) + "[" + std::to_string(i) + "]", out, 0, high,
                &number);
      numbers->push_back(static_cast<std::decay_t<decltype((*numbers)[0])>>(number));
    }
  };
  wholes("heads", 1 << 16, &row.heads);
  if (value.is_object() && value.contains("span")) {
    reader.Read("span", &row.span.emplace());
  } else {
    wholes("distribution", DegreeDistribution::kWhole, &row.distribution);
    if (!row.distribution.empty()) {
      const auto whole = DegreeDistribution::FromParts(row.distribution);
      if (!whole.ok()) out->Add(reader.Path("distribution"), whole.status().message());
    }
  }
  reader.Read("expected_density", &row.expected_density);
  reader.Read("hardened_density", &row.hardened_density);
  reader.Read("soft_value", &row.soft_value);
  reader.Read("hardened_value", &row.hardened_value);
  return row;
}

json DegreeRowJson(const DegreeRow& row) {
  json out = {{"epoch", row.epoch},
              {"layer", row.layer},
              {"heads", row.heads},
              {"expected_density", row.expected_density},
              {"hardened_density", row.hardened_density},
              {"soft_value", row.soft_value},
              {"hardened_value", row.hardened_value}};
  if (row.span) {
    out["span"] = *row.span;
  } else {
    out["distribution"] = row.distribution;
  }
  return out;
}

// Calls `read(key, value, path)` for each entry of an object field.
template <typename Read>
void Entries(Required& reader, const std::string& name, Violations* out, Read read) {
  const json* object = reader.Find(name);
  if (object == nullptr) return;
  if (!object->is_object()) {
    out->Add(reader.Path(name), DescribeJson(*object) + " must be an object {...}");
    return;
  }
  for (auto it = object->begin(); it != object->end(); ++it) {
    read(it.key(), *it, reader.Path(name) + "." + it.key());
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
  json out = {{"identity", spec.identity},   {"kind", spec.kind},
              {"model", spec.model},         {"model_fingerprint", spec.model_fingerprint},
              {"task", TaskJson(spec.task)}, {"data_fingerprint", spec.data_fingerprint},
              {"attention", spec.attention}, {"layers", spec.layers},
              {"heads", spec.heads},         {"training", TrainingJson(spec.training)},
              {"seed", spec.seed},           {"device", spec.device}};
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
  if (const json* task = reader.Find("task")) spec.task = ReadTask(*task, "task", &out);
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
  if (!out.empty()) return out.ToStatus();
  return spec;
}

std::string TrialResultToJson(const TrialResult& result) {
  json masks = json::array();
  for (const MaskRow& row : result.masks) {
    masks.push_back({{"layer", row.layer},
                     {"head", row.head},
                     {"kept", row.kept},
                     {"density", row.density},
                     {"empty_rows", row.empty_rows},
                     {"tile_sparsity", row.tile_sparsity},
                     {"path", row.path},
                     {"hash", row.hash}});
  }
  json lengths = json::object();
  for (const auto& [length, count] : result.lengths) lengths[std::to_string(length)] = count;
  json out = {{"metric", result.metric},
              {"value", result.value},
              {"metrics", result.metrics},
              {"density", result.density},
              {"density_padded", result.density_padded},
              {"tile_sparsity", result.tile_sparsity},
              {"flops", result.flops},
              {"load_seconds", result.load_seconds},
              {"tokenize_seconds", result.tokenize_seconds},
              {"plan_seconds", result.plan_seconds},
              {"train_seconds", result.train_seconds},
              {"eval_seconds", result.eval_seconds},
              {"attest_seconds", result.attest_seconds},
              {"peak_bytes", result.peak_bytes},
              {"steps", result.steps},
              {"train_examples", result.train_examples},
              {"eval_examples", result.eval_examples},
              {"device", result.device},
              {"threads", result.threads},
              {"versions", result.versions},
              {"attestation_root", result.attestation_root},
              {"masks", std::move(masks)},
              {"lengths", std::move(lengths)}};
  if (!result.warnings.empty()) out["warnings"] = result.warnings;
  if (result.parsed_share) out["parsed_share"] = *result.parsed_share;
  for (const DegreeRow& row : result.degrees) out["degrees"].push_back(DegreeRowJson(row));
  return CanonicalJson(out);
}

Result<TrialResult> ParseTrialResult(const std::string& json_text) {
  Result<json> parsed = ParseJson(json_text, "trial result");
  if (!parsed.ok()) return parsed.status();
  Violations out;
  TrialResult result;
  Required reader(*parsed, "", &out);
  if (!out.empty()) return out.ToStatus();
  reader.Read("metric", &result.metric);
  reader.Read("value", &result.value);
  Entries(reader, "metrics", &out, [&](const auto& key, const json& value, const auto& path) {
    ReadNumber(value, path, &out, &result.metrics[key]);
  });
  reader.Read("density", &result.density);
  reader.Read("density_padded", &result.density_padded);
  reader.Read("tile_sparsity", &result.tile_sparsity);
  reader.Read("flops", &result.flops);
  reader.Read("load_seconds", &result.load_seconds);
  reader.Read("tokenize_seconds", &result.tokenize_seconds);
  reader.Read("plan_seconds", &result.plan_seconds);
  reader.Read("train_seconds", &result.train_seconds);
  reader.Read("eval_seconds", &result.eval_seconds);
  reader.Read("attest_seconds", &result.attest_seconds);
  reader.Read("peak_bytes", &result.peak_bytes);
  reader.Read("steps", &result.steps);
  reader.Read("train_examples", &result.train_examples);
  reader.Read("eval_examples", &result.eval_examples);
  reader.Read("device", &result.device);
  reader.Read("threads", &result.threads);
  Entries(reader, "versions", &out, [&](const auto& key, const json& value, const auto& path) {
    ReadString(value, path, &out, &result.versions[key]);
  });
  reader.Read("attestation_root", &result.attestation_root);
  if (const json* masks = reader.Find("masks")) {
    if (!masks->is_array()) out.Add("masks", DescribeJson(*masks) + " must be a list");
    for (size_t i = 0; masks->is_array() && i < masks->size(); ++i) {
      result.masks.push_back(ReadMaskRow((*masks)[i], "masks[" + std::to_string(i) + "]", &out));
    }
  }
  if (parsed->contains("degrees")) {
    const json& rows = (*parsed)["degrees"];
    if (!rows.is_array()) out.Add("degrees", DescribeJson(rows) + " must be a list");
    for (size_t i = 0; rows.is_array() && i < rows.size(); ++i) {
      result.degrees.push_back(ReadDegreeRow(rows[i], "degrees[" + std::to_string(i) + "]", &out));
    }
  }
  Entries(reader, "lengths", &out,
          [&](const std::string& key, const json& value, const auto& path) {
            int64_t count = 0;
            if (key.empty() || key.size() > 9 ||
                key.find_first_not_of("0123456789") != std::string::npos) {
              out.Add(path, "\"" + key + "\" is not a length");
            } else if (ReadWhole(value, path, &out, 0, kMaxWhole, &count)) {
              result.lengths[std::stoi(key)] = count;
            }
          });
  if (parsed->contains("warnings")) {
    ReadStrings((*parsed)["warnings"], "warnings", &out, &result.warnings);
  }
  if (parsed->contains("parsed_share")) {
    double share = 0;
    reader.Read("parsed_share", &share);
    result.parsed_share = share;
  }
  if (!out.empty()) return out.ToStatus();
  return result;
}

}  // namespace sparsweep
