#include "trainer/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sparsweep {

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
  if (!file.bytes_) {
    return InvalidArgument(path + ": not a usable safetensors file: it is shorter than its own "
                                  "length field; download or save it again");
  }
  Result<SafetensorsHeader> header = ParseSafetensorsHeader(file.bytes_, file.size_, path);
  if (!header.ok()) return header.status();
  file.data_ = header->data;
  file.entries_ = std::move(header->entries);
  return file;
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
