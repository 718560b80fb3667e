// See needs_json.h.
#include "core/needs_json.h"

#include <charconv>
#include <cmath>

namespace sparsweep {
namespace {

using nlohmann::json;

// A number of bytes, or text such as "4 GiB".
void ReadBytes(const json& value, const std::string& path, Violations* out, int64_t* bytes) {
  constexpr double kMost = 1e15;
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string unit = text.substr(text.find_first_not_of(' ', end - text.data()) ==
                                                 std::string::npos
                                             ? text.size()
                                             : text.find_first_not_of(' ', end - text.data()));
    double factor = 0;
    for (const auto& [name, bytes_of] :
         {std::pair{"B", 1.0}, std::pair{"KiB", 1024.0}, std::pair{"MiB", 1048576.0},
          std::pair{"GiB", 1073741824.0}, std::pair{"TiB", 1099511627776.0}}) {
      if (unit == name) factor = bytes_of;
    }
    if (error != std::errc() || factor == 0) {
      out->Add(path, DescribeJson(value) + " is no amount of memory; write \"4 GiB\"");
      return;
    }
    number *= factor;
  } else {
    out->Add(path, DescribeJson(value) + " must be a number of bytes, or text such as \"4 GiB\"");
    return;
  }
  if (!(number >= 0 && number <= kMost)) {
    out->Add(path, DescribeJson(value) + " is not between 0 and 1e15 bytes");
    return;
  }
  *bytes = static_cast<int64_t>(std::ceil(number));
}

}  // namespace

void ReadNeeds(ObjectReader& reader, Violations* out, SweepNeeds* needs) {
  const nlohmann::json* value = reader.Find("needs");
  if (value == nullptr) return;
  ObjectReader fields(*value, "needs", out);
  if (const nlohmann::json* memory = fields.Find("memory")) {
    ReadBytes(*memory, "needs.memory", out, &needs->memory_bytes);
  }
  fields.Choice("device", {"cpu", "cuda"}, &needs->device);
  if (const nlohmann::json* labels = fields.Find("labels")) {
    if (!labels->is_object()) {
      out->Add("needs.labels", DescribeJson(*labels) + " must be an object {\"name\": \"value\"}");
    } else {
      for (auto it = labels->begin(); it != labels->end(); ++it) {
        const std::string path = "needs.labels." + it.key();
        if (it.key().empty() || it.key().size() > 128) {
          out->Add(path, "the name of a label has 1 to 128 characters");
        }
        ReadString(*it, path, out, &needs->labels[it.key()]);
      }
    }
  }
  fields.Finish();
}

nlohmann::json NeedsJson(const SweepNeeds& needs) {
  nlohmann::json out = nlohmann::json::object();
  if (needs.memory_bytes > 0) out["memory"] = needs.memory_bytes;
  if (!needs.device.empty()) out["device"] = needs.device;
  if (!needs.labels.empty()) out["labels"] = needs.labels;
  return out;
}

}  // namespace sparsweep
