#include "client/table.h"

#include <algorithm>
#include <cstdint>

namespace sparsweep {
namespace {

struct Range {
  uint32_t first, last;
};
// From Unicode's EastAsianWidth (W and F) and general categories (Mn, Me), whole blocks.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},  {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
constexpr Range kNone[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
                           {0x064b, 0x065f}, {0x0e34, 0x0e3a}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                           {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};

template <size_t n>
bool In(const Range (&ranges)[n], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](Range r) { return code >= r.first && code <= r.last; });
}

// The character at the front and its bytes; a byte that starts none stands for itself.
struct Character {
  uint32_t code;
  size_t bytes;
};
Character First(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80    ? 1
                        : lead >= 0xf0 ? 4
                        : lead >= 0xe0 ? 3
                        : lead >= 0xc0 ? 2
                                       : 1;
  if (length == 1 || length > text.size()) return {lead, 1};
  uint32_t code = lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {lead, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  return {code, length};
}

int Width(uint32_t code) {
  if (code < 0x20 || code == 0x7f || In(kNone, code)) return 0;
  return In(kWide, code) ? 2 : 1;
}

std::string Padded(const std::string& text, int width, Table::Align align) {
  const std::string space(static_cast<size_t>(std::max(0, width - DisplayWidth(text))), ' ');
  return align == Table::Align::kRight ? space + text : text + space;
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Character c = First(text);
    width += Width(c.code);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string FitText(std::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string out;
  int used = 0;
  while (!text.empty()) {
    const Character c = First(text);
    if (used + Width(c.code) > width - 1) break;
    used += Width(c.code);
    out += text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return width > 0 ? out + "…" : "";
}

std::string Table::Text(int width) const {
  std::vector<int> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    int most = DisplayWidth(columns_[c].title);
    for (const auto& row : rows_) most = std::max(most, DisplayWidth(row[c]));
    widths.push_back(most);
  }
  const auto total = [&] {
    int sum = 2 * (static_cast<int>(widths.size()) - 1);
    for (int w : widths) sum += w;
    return sum;
  };
  while (width > 0 && total() > width) {
    size_t widest = columns_.size();
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (columns_[c].align == Align::kLeft &&
          (widest == columns_.size() || widths[c] > widths[widest])) {
        widest = c;
      }
    }
    if (widest == columns_.size() || widths[widest] <= 8) break;
    widths[widest] = std::max(8, widths[widest] - (total() - width));
  }
  std::string out;
  const auto line = [&](const auto& cell) {
    std::string text;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) text += "  ";
      text += Padded(FitText(cell(c), widths[c]), widths[c], columns_[c].align);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](size_t c) { return columns_[c].title; });
  line([&](size_t c) {
    std::string rule;
    for (int i = 0; i < widths[c]; ++i) rule += "─";
    return rule;
  });
  for (const auto& row : rows_) line([&](size_t c) { return row[c]; });
  return out;
}

std::string Table::Csv() const {
  std::string out;
  for (size_t c = 0; c < columns_.size(); ++c) {
    out += (c > 0 ? "," : "") + CsvCell(columns_[c].title);
  }
  out += "\n";
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "," : "") + CsvCell(row[c]);
    out += "\n";
  }
  return out;
}

}  // namespace sparsweep
