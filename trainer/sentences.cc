#include "trainer/sentences.h"

#include <algorithm>
#include <array>

#include "trainer/text.h"

namespace sparsweep {
namespace {

constexpr std::array<std::string_view, 16> kAbbreviations = {
    "Dr",   "Gen", "Hon", "Jr", "Messrs", "Mr",  "Mrs", "Ms",
    "Prof", "Rev", "Sen", "Sr", "St",     "e.g", "i.e", "vs"};
constexpr std::array<std::string_view, 4> kEnds = {".", "!", "?", "…"};
constexpr std::array<std::string_view, 7> kClosing = {"\"", "'", ")", "]", "”", "’", "»"};

// The size of the first of `marks` that `text` begins with, or 0.
template <size_t n>
size_t Begins(std::string_view text, const std::array<std::string_view, n>& marks) {
  for (std::string_view mark : marks) {
    if (text.starts_with(mark)) return mark.size();
  }
  return 0;
}

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// Whether a full stop at `stop` belongs to the word before it.
bool Abbreviates(std::string_view text, size_t stop) {
  const auto is_letter = [&](size_t i) { return IsLower(text[i]) || IsUpper(text[i]); };
  size_t letters = stop;
  while (letters > 0 && is_letter(letters - 1)) --letters;
  const std::string_view last = text.substr(letters, stop - letters);
  if (last.size() == 1 && IsUpper(last[0]) && last != "I") return true;  // J. or U.S.
  size_t begin = letters;
  while (begin > 0 && (is_letter(begin - 1) || text[begin - 1] == '.')) --begin;
  return std::ranges::find(kAbbreviations, text.substr(begin, stop - begin)) !=
         kAbbreviations.end();
}

bool HasBlankLine(std::string_view space) { return std::ranges::count(space, '\n') > 1; }

}  // namespace

std::vector<std::pair<uint32_t, uint32_t>> SplitSentences(std::string_view text) {
  std::vector<std::pair<uint32_t, uint32_t>> sentences;
  size_t begin = 0, i = 0;
  const auto cut = [&](size_t end) {
    const std::string_view sentence = Trim(text.substr(begin, end - begin));
    if (!sentence.empty()) {
      const auto at = static_cast<uint32_t>(sentence.data() - text.data());
      sentences.emplace_back(at, at + static_cast<uint32_t>(sentence.size()));
    }
    begin = end;
  };
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    const std::string_view after_space = TrimStart(rest);
    if (const size_t space = rest.size() - after_space.size(); space > 0) {
      if (HasBlankLine(rest.substr(0, space))) cut(i);
      i += space;
      continue;
    }
    const size_t run = i;
    size_t marks = 0;
    for (size_t size; (size = Begins(text.substr(i), kEnds)) > 0; ++marks) i += size;
    if (marks == 0) {
      ++i;
      continue;
    }
    if (marks == 1 && text[run] == '.' && Abbreviates(text, run)) continue;
    for (size_t size; (size = Begins(text.substr(i), kClosing)) > 0;) i += size;
    const std::string_view next = TrimStart(text.substr(i));
    if (next.size() < text.size() - i && !(next.size() > 0 && IsLower(next[0]))) cut(i);
  }
  cut(text.size());
  return sentences;
}

}  // namespace sparsweep
