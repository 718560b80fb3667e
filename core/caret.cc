// See caret.h.
#include "core/caret.h"

#include <algorithm>

namespace sparsweep {
namespace {

// One printable character for each character of the text.
std::string Printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // inside a UTF-8 character
    const bool is_space = c == '\n' || c == '\t' || c == '\r';
    shown += c >= ' ' && c <= '~' ? c : is_space ? ' ' : '?';
  }
  return shown;
}

}  // namespace

std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 60;
  const bool cut = text.size() > kLongest;
  return "\"" + Printable(text.substr(0, kLongest)) + (cut ? "...\"" : "\"");
}

std::string CaretLines(std::string_view source, size_t offset) {
  constexpr size_t kAround = 60;  // characters shown on each side of the caret
  offset = std::min(offset, source.size());
  std::string before = Printable(source.substr(0, offset));
  std::string after = Printable(source.substr(offset));
  if (before.size() > kAround) before = "..." + before.substr(before.size() - kAround);
  if (after.size() > kAround) after = after.substr(0, kAround) + "...";
  return "\n  " + before + after + "\n  " + std::string(before.size(), ' ') + "^";
}

std::string FirstLine(std::string_view message) {
  return std::string(message.substr(0, message.find('\n')));
}

}  // namespace sparsweep
