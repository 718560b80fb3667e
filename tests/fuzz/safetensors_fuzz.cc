// The header of a safetensors file: what is accepted lies within the file.
#include <cstdint>
#include <cstdlib>

#include "trainer/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sparsweep;
  if (size < 8) return 0;  // SafetensorsFile::Open refuses it
  const Result<SafetensorsHeader> header = ParseSafetensorsHeader(bytes, size, "fuzz");
  if (!header.ok()) return 0;
  if (header->data > size) std::abort();
  for (const auto& [name, entry] : header->entries) {
    if (entry.begin > entry.end || header->data + entry.end > size) std::abort();
  }
  return 0;
}
