#include "trainer/text.h"

#include <cstdint>

namespace sparsweep {
namespace {

// The code point at the start of `text` and its size in bytes; size 0 if it is malformed.
struct Decoded {
  uint32_t point;
  size_t size;
};

Decoded Decode(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {0, 0};
  uint32_t point = lead & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    point = point << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < kSmallest[size] || surrogate || point > 0x10FFFF) return {0, 0};
  return {point, size};
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    Decoded decoded = Decode(text);
    if (decoded.size == 0) return false;
    text.remove_prefix(decoded.size);
  }
  return true;
}

const char* WhyNotUtf8(std::string_view start) {
  return start.starts_with("\x1f\x8b") ? "is packed by gzip; unpack it" : "is not valid UTF-8";
}

size_t FirstSize(std::string_view text) { return Decode(text).size; }

char32_t FirstCharacter(std::string_view text) { return Decode(text).point; }

bool IsSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::string_view TrimStart(std::string_view text) {
  while (!text.empty()) {
    Decoded decoded = Decode(text);
    if (!IsSpace(decoded.point)) break;
    text.remove_prefix(decoded.size);
  }
  return text;
}

std::string_view Trim(std::string_view text) {
  text = TrimStart(text);
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    if (!IsSpace(Decode(text.substr(start)).point)) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

}  // namespace sparsweep
