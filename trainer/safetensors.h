// Reading a safetensors file: u64 little-endian header length, a JSON header
// {name: {dtype, shape, data_offsets}}, raw bytes. Nothing of the file is believed: lengths,
// offsets, shapes and overlaps are checked before a byte is used. Not here: what the names mean
// (checkpoint.h). Any thread may read an open file.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

class SafetensorsFile {
 public:
  struct Entry {
    std::string dtype;
    std::vector<int64_t> shape;
    uint64_t begin = 0, end = 0;  // bytes in the data part
  };

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
  Status ParseHeader();

  std::string path_;
  const uint8_t* bytes_ = nullptr;
  uint64_t size_ = 0;
  uint64_t data_ = 0;  // where the data part begins
  std::map<std::string, Entry> entries_;
};

}  // namespace sparsweep
