// Reading tensors out of a safetensors file, whose header was checked before a byte is used
// (safetensors_header.h). Not here: what the names mean (checkpoint.h). Any thread may read an open
// file.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "core/result.h"
#include "trainer/safetensors_header.h"

namespace sparsweep {

class SafetensorsFile {
 public:
  using Entry = SafetensorsEntry;

  // Maps the file; it stays mapped as long as this object lives. Errors are one sentence.
  static Result<SafetensorsFile> Open(const std::string& path);
  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;
  ~SafetensorsFile();

  const std::map<std::string, Entry>& entries() const { return entries_; }
  // The tensor as float32, copied out of the file. F32, F16 and BF16 can be read.
  Result<at::Tensor> Read(const std::string& name) const;

 private:
  SafetensorsFile() = default;

  std::string path_;
  const uint8_t* bytes_ = nullptr;
  uint64_t size_ = 0;
  uint64_t data_ = 0;  // where the data part begins
  std::map<std::string, Entry> entries_;
};

}  // namespace sparsweep
