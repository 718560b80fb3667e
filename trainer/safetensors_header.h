// The header of a safetensors file: u64 little-endian length, then JSON
// {name: {dtype, shape, data_offsets}}. Nothing of it is believed: lengths, offsets, shapes and
// overlaps are checked. Not here: the file (safetensors.h). Pure, without LibTorch.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

struct SafetensorsEntry {
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes in the data part
};
struct SafetensorsHeader {
  uint64_t data = 0;  // where the data part begins
  std::map<std::string, SafetensorsEntry> entries;
};

// Of a file of `size` bytes, at least 8. `path` is for errors, which are one sentence.
Result<SafetensorsHeader> ParseSafetensorsHeader(const uint8_t* bytes, uint64_t size,
                                                 const std::string& path);

}  // namespace sparsweep
