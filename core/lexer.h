// Text of the attention language as tokens. Never fails: what is no token is one of kind kInvalid,
// which the parser refuses with a caret under it. Any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace sparsweep {

// More text than any plan needs; what is longer is refused before it is read.
inline constexpr size_t kMaxSourceBytes = 256 * 1024;

struct Token {
  enum class Kind {
    kEnd,      // after the last one; `text` is empty
    kName,     // window, layers, density
    kNumber,   // unsigned decimal: 12 or 0.25
    kAxis,     // $name; `text` includes the $
    kSymbol,   // one of ( ) , + & ; : = -
    kInvalid,  // anything else: 1e1, .5, 3x, %, bytes beyond ASCII
  };
  Kind kind = Kind::kEnd;
  size_t offset = 0;      // of the first byte
  std::string_view text;  // of the source, which must outlive the token

  bool Is(char symbol) const { return kind == Kind::kSymbol && text[0] == symbol; }
  bool IsName(std::string_view name) const { return kind == Kind::kName && text == name; }
};

// At least one token: the last is kEnd.
std::vector<Token> Tokenize(std::string_view source);

// Letters, digits and '_' of ASCII: what names are made of.
bool IsWordCharacter(char c);

}  // namespace sparsweep
