// A place in the tokens of an attention text, and the first refusal met there. The parsers
// (core/attention_parser.h, core/call_parser.h) walk it; it knows tokens and numbers, no grammar.
// One thread.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/lexer.h"
#include "core/result.h"
#include "core/splice.h"

namespace sparsweep {

class TokenCursor {
 public:
  // `source` must outlive the cursor.
  explicit TokenCursor(const Spliced& source) : source_(source), tokens_(Tokenize(source.text)) {}

  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  // Steps past the current token; never past the end.
  void Advance() { at_ = std::min(at_ + 1, tokens_.size() - 1); }
  // Steps past the current token if it is this symbol.
  bool Take(char symbol);

  // Refuses the text at `place`; always false, so that a parser can return it.
  bool Fail(const Token& place, const std::string& sentence);
  const Status& error() const { return error_; }

  // A whole number that fits an int. `what` is the subject of the sentence where it is no number.
  bool ParseWhole(const std::string& what, int* value);
  // A plain decimal number from 0 to 1, in units of 10^-18. `what` is the subject of the sentence.
  bool ParseShare(const std::string& what, uint64_t* units);

 private:
  const Spliced& source_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  Status error_;
};

// `"windo"`, or `the end`.
std::string Shown(const Token& token);

// `1 layer`, `2 layers`.
std::string Counted(int count, const std::string& thing);

}  // namespace sparsweep
