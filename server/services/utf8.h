// Bytes of strangers as text that protobuf and JSON take. Pure: any thread.
#pragma once

#include <cstddef>
#include <string>

namespace sparsweep {

// Bytes that are not UTF-8 become U+FFFD; a character cut at the end is left out if `cut`.
std::string ToUtf8(const std::string& bytes, bool cut, size_t* used);

}  // namespace sparsweep
