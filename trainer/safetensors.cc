#include "trainer/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

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

bool ReadEntry(const nlohmann::json& value, SafetensorsFile::Entry* entry) {
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

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_(other.bytes_),
      size_(other.size_),
      data_(other.data_),
      entries_(std::move(other.entries_)) {
  other.bytes_ = nullptr;
}

SafetensorsFile::~SafetensorsFile() {
  if (bytes_) munmap(const_cast<uint8_t*>(bytes_), size_);
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Status(StatusCode::kNotFound, path + ": cannot be opened: " + std::strerror(errno));
  }
  struct stat info {};
  SafetensorsFile file;
  file.path_ = path;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 8) {
    file.size_ = static_cast<uint64_t>(info.st_size);
    void* map = mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) file.bytes_ = static_cast<const uint8_t*>(map);
  }
  close(fd);
  if (!file.bytes_) return Damaged(path, "it is shorter than its own length field");
  Status status = file.ParseHeader();
  if (!status.ok()) return status;
  return file;
}

Status SafetensorsFile::ParseHeader() {
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | bytes_[i];
  if (length > kMaxHeader || length > size_ - 8) {
    return Damaged(path_, "its header says " + std::to_string(length) + " bytes, the file has " +
                              std::to_string(size_ - 8));
  }
  data_ = 8 + length;
  const char* text = reinterpret_cast<const char*>(bytes_ + 8);
  auto header = nlohmann::json::parse(text, text + length, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) return Damaged(path_, "its header is not a JSON object");
  const uint64_t data_size = size_ - data_;
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    Entry entry;
    if (!ReadEntry(value, &entry))
      return Damaged(path_, "the entry of \"" + name + "\" is malformed");
    uint64_t element = ElementSize(entry.dtype);
    if (element == 0) {
      return Damaged(path_, "\"" + name + "\" has the unknown dtype \"" + entry.dtype + "\"");
    }
    if (entry.begin > entry.end || entry.end > data_size) {
      return Damaged(path_, "\"" + name + "\" reaches beyond the end of the file");
    }
    unsigned __int128 want = element;
    for (int64_t side : entry.shape) {
      want *= static_cast<uint64_t>(side);
      if (want > data_size && side != 0) break;
    }
    if (std::ranges::count(entry.shape, 0) > 0) want = 0;
    if (want != entry.end - entry.begin) {
      return Damaged(path_, "\"" + name + "\" has another size than its shape says");
    }
    if (entry.begin != entry.end) spans.emplace_back(entry.begin, entry.end);
    entries_[name] = std::move(entry);
  }
  std::ranges::sort(spans);
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first < spans[i - 1].second) return Damaged(path_, "two of its tensors overlap");
  }
  return {};
}

Result<at::Tensor> SafetensorsFile::Read(const std::string& name) const {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    return Status(StatusCode::kNotFound, path_ + ": has no tensor \"" + name + "\"");
  }
  const Entry& entry = found->second;
  at::ScalarType type;
  if (entry.dtype == "F32") {
    type = at::kFloat;
  } else if (entry.dtype == "F16") {
    type = at::kHalf;
  } else if (entry.dtype == "BF16") {
    type = at::kBFloat16;
  } else {
    return InvalidArgument(path_ + ": \"" + name + "\" has dtype " + entry.dtype +
                           "; weights must be F32, F16 or BF16");
  }
  at::Tensor raw = at::empty(entry.shape, type);  // aligned, as the file need not be
  std::memcpy(raw.mutable_data_ptr(), bytes_ + data_ + entry.begin, entry.end - entry.begin);
  return raw.to(at::kFloat);
}

}  // namespace sparsweep
