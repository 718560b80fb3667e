// Results of trials as JSON: in the database, to the server, on the trainer's pipe. Every field is
// written and required, as in trial_json.cc; those that the first version had not are written only
// where they say something.
#include "core/hardening.h"
#include "core/json.h"
#include "core/kept_folder.h"
#include "core/learned_degrees.h"
#include "core/required.h"
#include "core/trial.h"

namespace sparsweep {
namespace {

using nlohmann::json;

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
  const auto wholes = [&](const char* name, int64_t high, auto* numbers) {
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

MeasurementRow ReadMeasurementRow(const json& value, const std::string& path, Violations* out) {
  MeasurementRow row;
  Required reader(value, path, out);
  reader.Read("length", &row.length);
  reader.Read("batch", &row.batch);
  reader.Read("path", &row.path);
  reader.Read("out_of_memory", &row.out_of_memory);
  reader.Entries("values", [&](const auto& key, const json& number, const auto& at) {
    ReadNumber(number, at, out, &row.values[key]);
  });
  return row;
}

// What only some results say.
void ReadLaterFields(const json& given, Required& reader, Violations* out, TrialResult* result) {
  if (given.contains("test_value")) {
    reader.Read("test_value", &result->test_value.emplace());
    reader.Entries("test_metrics", [&](const auto& key, const json& value, const auto& path) {
      ReadNumber(value, path, out, &result->test_metrics[key]);
    });
    reader.Read("test_examples", &result->test_examples);
  }
  if (given.contains("reported")) {
    Required reported(given["reported"], "reported", out);
    reported.Read("by", &result->reported);
    reported.Read("epoch", &result->reported_epoch);
  }
  if (given.contains("plan_wait_seconds")) {
    reader.Read("plan_wait_seconds", &result->plan_wait_seconds);
  }
  if (given.contains("first_step_ms")) reader.Read("first_step_ms", &result->first_step_ms);
  if (given.contains("measurements")) {
    reader.Each("measurements", [&](const json& row, const std::string& path) {
      result->measurements.push_back(ReadMeasurementRow(row, path, out));
    });
  }
  if (given.contains("checkpoint")) {
    Required checkpoint(given["checkpoint"], "checkpoint", out);
    result->checkpoint.emplace();
    checkpoint.Read("fingerprint", &result->checkpoint->fingerprint);
    checkpoint.Entries("files", [&](const auto& name, const json& digest, const auto& path) {
      ReadString(digest, path, out, &result->checkpoint->files[name]);
      if (!IsFileName(name)) out->Add(path, "\"" + name + "\" is not the name of a file");
    });
  }
  if (given.contains("predictions")) reader.Read("predictions", &result->predictions);
}

}  // namespace

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
  if (result.test_value) {
    out["test_value"] = *result.test_value;
    out["test_metrics"] = result.test_metrics;
    out["test_examples"] = result.test_examples;
  }
  if (result.reported_epoch > 0) {
    out["reported"] = {{"by", result.reported}, {"epoch", result.reported_epoch}};
  }
  if (result.plan_wait_seconds > 0) out["plan_wait_seconds"] = result.plan_wait_seconds;
  if (result.first_step_ms > 0) out["first_step_ms"] = result.first_step_ms;
  for (const MeasurementRow& row : result.measurements) {
    out["measurements"].push_back({{"length", row.length},
                                   {"batch", row.batch},
                                   {"path", row.path},
                                   {"out_of_memory", row.out_of_memory},
                                   {"values", row.values}});
  }
  if (result.checkpoint) {
    out["checkpoint"] = {{"fingerprint", result.checkpoint->fingerprint},
                         {"files", result.checkpoint->files}};
  }
  if (!result.predictions.empty()) out["predictions"] = result.predictions;
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
  reader.Entries("metrics", [&](const auto& key, const json& value, const auto& path) {
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
  reader.Entries("versions", [&](const auto& key, const json& value, const auto& path) {
    ReadString(value, path, &out, &result.versions[key]);
  });
  reader.Read("attestation_root", &result.attestation_root);
  reader.Each("masks", [&](const json& row, const std::string& path) {
    result.masks.push_back(ReadMaskRow(row, path, &out));
  });
  if (parsed->contains("degrees")) {
    reader.Each("degrees", [&](const json& row, const std::string& path) {
      result.degrees.push_back(ReadDegreeRow(row, path, &out));
    });
  }
  reader.Entries("lengths", [&](const std::string& key, const json& value, const auto& path) {
    int64_t count = 0;
    if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos) {
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
  ReadLaterFields(*parsed, reader, &out, &result);
  if (!out.empty()) return out.ToStatus();
  return result;
}

std::string DegreeRowsToJson(const std::vector<DegreeRow>& rows) {
  json out = json::array();
  for (const DegreeRow& row : rows) out.push_back(DegreeRowJson(row));
  return out.dump();
}

Result<std::vector<DegreeRow>> ParseDegreeRows(const std::string& json_text) {
  auto parsed = ParseJson(json_text, "learned degrees");
  if (!parsed.ok()) return parsed.status();
  if (!parsed->is_array())
    return InvalidArgument("learned degrees: " + DescribeJson(*parsed) + " must be a list");
  Violations violations;
  std::vector<DegreeRow> rows;
  for (const json& row : *parsed) {
    rows.push_back(ReadDegreeRow(row, "degrees[" + std::to_string(rows.size()) + "]", &violations));
  }
  if (!violations.empty()) return violations.ToStatus();
  return rows;
}

}  // namespace sparsweep
