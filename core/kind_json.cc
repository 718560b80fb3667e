// See kind_json.h.
#include "core/kind_json.h"

#include <algorithm>
#include <set>

#include "core/nearest.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr size_t kMaxPoints = 1000;  // of one list
constexpr int64_t kMaxBatch = 65536;
constexpr int64_t kMaxTokens = int64_t{1} << 32;

// A list of different whole numbers.
void ReadWholes(ObjectReader& reader, const std::string& name, int64_t low, int64_t high,
                Violations* out, std::vector<int64_t>* result) {
  const json* list = reader.Find(name);
  if (list == nullptr) return;
  const std::string path = reader.Path(name);
  if (!list->is_array() || list->empty() || list->size() > kMaxPoints) {
    out->Add(path, "must be a list of 1 to " + std::to_string(kMaxPoints) + " whole numbers");
    return;
  }
  result->clear();
  std::set<int64_t> seen;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string item = path + "[" + std::to_string(i) + "]";
    int64_t value = 0;
    if (!ReadWhole((*list)[i], item, out, low, high, &value)) continue;
    if (!seen.insert(value).second) {
      out->Add(item, std::to_string(value) + " is listed twice; remove one of them");
    }
    result->push_back(value);
  }
}

void ReadLengths(const json& value, ObjectReader& reader, Violations* out,
                 std::vector<int64_t>* lengths) {
  ReadWholes(reader, "lengths", 4, 65535, out, lengths);
  if (value.is_object() && !value.contains("lengths")) {
    out->Add(reader.Path("lengths"), "there are no lengths; add \"lengths\": [128, 256, 512]");
  }
}

}  // namespace

SelectRule ReadSelection(const json& value, const std::string& path, Violations* out) {
  SelectRule selection;
  ObjectReader reader(value, path, out);
  reader.Strings("over", &selection.over);
  reader.Choice("by", {"dev"}, &selection.by);
  if (value.is_object() && selection.over.empty()) {
    out->Add(reader.Path("over"),
             "there is nothing to select over; add \"over\": [\"learning_rate\"]");
  }
  std::set<std::string> seen;
  for (const std::string& name : selection.over) {
    if (!seen.insert(name).second) {
      out->Add(reader.Path("over"), "axis \"" + name + "\" is listed twice");
    }
  }
  reader.Finish();
  return selection;
}

json SelectionJson(const SelectRule& selection) {
  return {{"over", selection.over}, {"by", selection.by}};
}

ProfileGrid ReadProfile(const json& value, const std::string& path, Violations* out) {
  ProfileGrid grid;
  ObjectReader reader(value, path, out);
  ReadLengths(value, reader, out, &grid.lengths);
  reader.Whole("tokens", 4, kMaxTokens, &grid.tokens);
  for (const int64_t length : grid.lengths) {
    if (grid.tokens % length != 0) {
      out->Add(reader.Path("tokens"), std::to_string(grid.tokens) +
                                          " tokens are no whole number of examples of length " +
                                          std::to_string(length));
    }
  }
  reader.Finish();
  return grid;
}

json ProfileJson(const ProfileGrid& grid) {
  return {{"lengths", grid.lengths}, {"tokens", grid.tokens}};
}

InferGrid ReadInfer(const json& value, const std::string& path, Violations* out) {
  InferGrid grid;
  ObjectReader reader(value, path, out);
  ReadLengths(value, reader, out, &grid.lengths);
  ReadWholes(reader, "batch_sizes", 1, kMaxBatch, out, &grid.batch_sizes);
  reader.Whole("repetitions", 1, 1'000'000, &grid.repetitions);
  reader.Whole("warmup", 0, 1'000'000, &grid.warmup);
  reader.Finish();
  return grid;
}

json InferJson(const InferGrid& grid) {
  return {{"lengths", grid.lengths},
          {"batch_sizes", grid.batch_sizes},
          {"repetitions", grid.repetitions},
          {"warmup", grid.warmup}};
}

void CheckKind(const SweepSpec& spec, Violations* out) {
  const auto block = [&](const std::string& name, bool given) {
    if (given && spec.kind != name) {
      out->Add(name, "a sweep of kind \"" + spec.kind + "\" has no \"" + name +
                         "\"; remove it, or write \"kind\": \"" + name + "\"");
    } else if (!given && spec.kind == name) {
      out->Add(name, "kind \"" + name + "\" does not say what it measures; add \"" + name +
                         "\": {\"lengths\": [128, 256, 512]}");
    }
  };
  block("profile", spec.profile.has_value());
  block("infer", spec.infer.has_value());
  if (!spec.select) return;
  const std::vector<std::string> names = AxisNames(spec.axes);
  for (const std::string& name : spec.select->over) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      out->Add("training.select.over",
               "there is no axis \"" + name + "\" to select over" + DidYouMean(name, names));
    }
  }
}

}  // namespace sparsweep
