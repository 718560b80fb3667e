// See token_cursor.h.
#include "core/token_cursor.h"

#include <charconv>
#include <limits>

#include "core/caret.h"

namespace sparsweep {
namespace {

using Kind = Token::Kind;

// The token without quotes, cut where it is long.
std::string Printed(const Token& token) {
  const std::string quoted = Quoted(token.text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

bool TokenCursor::Take(char symbol) {
  if (!Now().Is(symbol)) return false;
  Advance();
  return true;
}

bool TokenCursor::Fail(const Token& place, const std::string& sentence) {
  error_ = RefuseAt(source_, place.offset, sentence);
  return false;
}

bool TokenCursor::ParseWhole(const std::string& what, int* value) {
  const Token token = Now();
  if (token.Is('-')) return Fail(token, "numbers have no sign here; " + what + " is 0 or more");
  if (token.kind == Kind::kAxis) {
    return Fail(token, Quoted(token.text) + " stands for an axis, but no axis value is given");
  }
  if (token.kind != Kind::kNumber) {
    const bool looks_like_number = token.kind == Kind::kInvalid && !token.text.empty() &&
                                   (token.text[0] == '.' || IsWordCharacter(token.text[0]));
    if (looks_like_number) return Fail(token, Printed(token) + " is not a whole number");
    return Fail(token, what + " must be a whole number, not " + Shown(token));
  }
  if (token.text.find('.') != std::string_view::npos) {
    return Fail(token, Printed(token) + " is not a whole number");
  }
  const char* end = token.text.data() + token.text.size();
  if (std::from_chars(token.text.data(), end, *value).ec != std::errc()) {
    return Fail(token, Printed(token) + " is too large; the largest number is " +
                           std::to_string(std::numeric_limits<int>::max()));
  }
  Advance();
  return true;
}

bool TokenCursor::ParseShare(const std::string& what, uint64_t* units) {
  const Token token = Now();
  if (token.kind != Kind::kNumber) {
    return Fail(token, what + " must be a plain decimal number from 0 to 1, not " + Shown(token));
  }
  const size_t point = std::min(token.text.find('.'), token.text.size());
  std::string_view whole = token.text.substr(0, point);
  std::string_view fraction = token.text.substr(std::min(point + 1, token.text.size()));
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
  if (whole.size() > 1 || (whole == "1" && !fraction.empty()) || whole > "1") {
    return Fail(token, what + " " + Printed(token) + " is not between 0 and 1");
  }
  if (fraction.size() > 18) {
    return Fail(token, what + " " + Printed(token) + " has more than 18 decimals");
  }
  std::string digits = std::string(whole) + std::string(fraction);
  digits.append(18 - fraction.size(), '0');
  std::from_chars(digits.data(), digits.data() + digits.size(), *units);
  Advance();
  return true;
}

std::string Shown(const Token& token) {
  return token.kind == Kind::kEnd ? "the end" : Quoted(token.text);
}

std::string Counted(int count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

}  // namespace sparsweep
