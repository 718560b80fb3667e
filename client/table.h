// Tables for people and for spreadsheets: the same rows as aligned text and as CSV.
//
// Widths are in terminal cells, so that Chinese and accented text lines up. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sparsweep {

// Cells that the text takes: 2 for wide characters, 0 for combining ones and control characters.
int DisplayWidth(std::string_view utf8);
// At most `width` cells; what is cut off is shown as "…".
std::string FitText(std::string_view utf8, int width);

class Table {
 public:
  enum class Align { kLeft, kRight };

  void Column(std::string title, Align align = Align::kLeft) {
    columns_.push_back({std::move(title), align});
  }
  // As many cells as there are columns.
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  // Two spaces between columns, a rule under the titles, no trailing spaces. Where `width` > 0 the
  // widest left-aligned column is shortened until a row fits.
  std::string Text(int width = 0) const;
  // RFC 4180, with "\n" at the ends of lines.
  std::string Csv() const;

 private:
  struct Head {
    std::string title;
    Align align;
  };
  std::vector<Head> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sparsweep
