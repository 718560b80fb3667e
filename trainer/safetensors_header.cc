#include "trainer/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace sparsweep {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit

// Bytes of one element; 0 for a dtype that the format does not have.
uint64_t ElementSize(const std::string& dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL" || dtype == "F8_E4M3" ||
      dtype == "F8_E5M2") {
    return 1;
  }
  return 0;
}

Status Damaged(const std::string& path, const std::string& what) {
  return InvalidArgument(path + ": not a usable safetensors file: " + what +
                         "; download or save it again");
}

bool ReadEntry(const nlohmann::json& value, SafetensorsEntry* entry) {
  auto dtype = value.find("dtype"), shape = value.find("shape"), span = value.find("data_offsets");
  if (dtype == value.end() || !dtype->is_string()) return false;
  if (shape == value.end() || !shape->is_array() || shape->size() > 8) return false;
  if (span == value.end() || !span->is_array() || span->size() != 2) return false;
  for (const auto& side : *shape) {
    if (!side.is_number_unsigned() || side.get<uint64_t>() > (uint64_t{1} << 40)) return false;
    entry->shape.push_back(side.get<int64_t>());
  }
  for (const auto& offset : *span) {
    if (!offset.is_number_unsigned()) return false;
  }
  entry->dtype = dtype->get<std::string>();
  entry->begin = (*span)[0].get<uint64_t>();
  entry->end = (*span)[1].get<uint64_t>();
  return true;
}

}  // namespace

Result<SafetensorsHeader> ParseSafetensorsHeader(const uint8_t* bytes, uint64_t size,
                                                 const std::string& path) {
  SafetensorsHeader out;
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | bytes[i];
  if (length > kMaxHeader || length > size - 8) {
    return Damaged(path, "its header says " + std::to_string(length) + " bytes, the file has " +
                             std::to_string(size - 8));
  }
  out.data = 8 + length;
  const char* text = reinterpret_cast<const char*>(bytes + 8);
  auto header = nlohmann::json::parse(text, text + length, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) return Damaged(path, "its header is not a JSON object");
  const uint64_t data_size = size - out.data;
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    SafetensorsEntry entry;
    if (!ReadEntry(value, &entry))
      return Damaged(path, "the entry of \"" + name + "\" is malformed");
    uint64_t element = ElementSize(entry.dtype);
    if (element == 0) {
      return Damaged(path, "\"" + name + "\" has the unknown dtype \"" + entry.dtype + "\"");
    }
    if (entry.begin > entry.end || entry.end > data_size) {
      return Damaged(path, "\"" + name + "\" reaches beyond the end of the file");
    }
    unsigned __int128 want = element;
    for (int64_t side : entry.shape) {
      want *= static_cast<uint64_t>(side);
      if (want > data_size && side != 0) break;
    }
    if (std::ranges::count(entry.shape, 0) > 0) want = 0;
    if (want != entry.end - entry.begin) {
      return Damaged(path, "\"" + name + "\" has another size than its shape says");
    }
    if (entry.begin != entry.end) spans.emplace_back(entry.begin, entry.end);
    out.entries[name] = std::move(entry);
  }
  std::ranges::sort(spans);
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first < spans[i - 1].second) return Damaged(path, "two of its tensors overlap");
  }
  return out;
}

}  // namespace sparsweep
