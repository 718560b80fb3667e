// See lexer.h.
#include "core/lexer.h"

#include <algorithm>

namespace sparsweep {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Digits, at most one point, digits on both sides of it.
bool IsDecimal(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  if (whole.empty() || !std::all_of(whole.begin(), whole.end(), IsDigit)) return false;
  if (point == std::string_view::npos) return true;
  const std::string_view fraction = text.substr(point + 1);
  return !fraction.empty() && std::all_of(fraction.begin(), fraction.end(), IsDigit);
}

Token::Kind KindOfWord(std::string_view word) {
  if (IsDecimal(word)) return Token::Kind::kNumber;
  const bool is_name = !IsDigit(word[0]) && word.find('.') == std::string_view::npos;
  return is_name ? Token::Kind::kName : Token::Kind::kInvalid;
}

}  // namespace

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_';
}

std::vector<Token> Tokenize(std::string_view source) {
  std::vector<Token> tokens;
  tokens.reserve(source.size() / 2 + 1);
  size_t at = 0;
  while (true) {
    while (at < source.size() && IsSpace(source[at])) ++at;
    if (at == source.size()) break;
    const size_t start = at;
    Token::Kind kind = Token::Kind::kSymbol;
    // A point belongs to a word, so that 3.0, .5 and 1e1 are each one token, right or wrong.
    const auto in_word = [](char c) { return IsWordCharacter(c) || c == '.'; };
    if (in_word(source[at])) {
      while (at < source.size() && in_word(source[at])) ++at;
      kind = KindOfWord(source.substr(start, at - start));
    } else if (source[at] == '$') {
      ++at;
      while (at < source.size() && IsWordCharacter(source[at])) ++at;
      kind = at - start > 1 && !IsDigit(source[start + 1]) ? Token::Kind::kAxis
                                                           : Token::Kind::kInvalid;
    } else {
      if (std::string_view("(),+&;:=-").find(source[at]) == std::string_view::npos) {
        kind = Token::Kind::kInvalid;
      }
      ++at;
      // A character of several bytes is one token.
      while (at < source.size() && (static_cast<unsigned char>(source[at]) & 0xC0) == 0x80) ++at;
    }
    tokens.push_back({kind, start, source.substr(start, at - start)});
  }
  tokens.push_back({Token::Kind::kEnd, source.size(), {}});
  return tokens;
}

}  // namespace sparsweep
