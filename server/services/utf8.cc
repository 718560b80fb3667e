#include "server/services/utf8.h"

#include <cstdint>

namespace sparsweep {
namespace {

// Bytes of the UTF-8 character at `at`, 0 if there is none; `cut` if the text ends inside it.
size_t CharacterAt(const std::string& text, size_t at, bool* cut) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(at);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 && first < 0xf5   ? 4
                      : first >= 0xe0 && first < 0xf0 ? 3
                      : first >= 0xc2 && first < 0xe0 ? 2
                                                      : 0;
  for (size_t i = 1; i < size; ++i) {
    if (at + i >= text.size()) {
      *cut = true;
      return 0;
    }
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = size > 1 ? byte(at + 1) : 0;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90)) {
    return 0;  // overlong, a surrogate, beyond Unicode
  }
  return size;
}

}  // namespace

std::string ToUtf8(const std::string& bytes, bool cut, size_t* used) {
  std::string text;
  text.reserve(bytes.size());
  size_t at = 0;
  while (at < bytes.size()) {
    bool inside = false;
    const size_t size = CharacterAt(bytes, at, &inside);
    if (inside && cut) break;
    if (size == 0) {
      text += "\xef\xbf\xbd";
      ++at;
    } else {
      text.append(bytes, at, size);
      at += size;
    }
  }
  if (used != nullptr) *used = at;
  return text;
}

}  // namespace sparsweep
