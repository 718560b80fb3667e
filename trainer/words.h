// Words of an input and the tokens that belong to them. An input is one text or two; a word is a
// run of bytes of one of them, a token (piece) belongs to the word that holds its first character.
// Not here: where words come from (conllu.h, link_grammar.h, the tokenizer), or what joins them
// (word_graph.h, similarity.h). Plain values: any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "core/mask.h"
#include "trainer/tokens.h"

namespace sparsweep {

struct Word {
  int32_t segment = 0;          // 0: the text, 1: text_pair
  uint32_t begin = 0, end = 0;  // bytes
  bool operator==(const Word&) const = default;
};

// The tokens of one input, by word. Special tokens, and tokens that begin in no word, belong to
// none. A word of which truncation left no token has none.
class WordTokens {
 public:
  // `words` ascend by (segment, begin) and do not overlap.
  WordTokens(const TokenOffsets& tokens, const std::vector<Word>& words);

  int length() const { return static_cast<int>(word_of_token_.size()); }
  int words() const { return static_cast<int>(tokens_.size()); }
  // -1: none.
  int word(int token) const { return word_of_token_[token]; }
  const std::vector<int32_t>& tokens(int word) const { return tokens_[word]; }
  // The first token, where it is a special one: [CLS].
  bool has_cls() const { return has_cls_; }

  // All pairs of a token of word `a` and one of word `b`, both ways.
  void KeepPair(int a, int b, Mask* mask) const;
  // What every per-example pattern keeps: each token itself, and the tokens of one word each other.
  void KeepOwn(Mask* mask) const;

 private:
  std::vector<int32_t> word_of_token_;
  std::vector<std::vector<int32_t>> tokens_;
  bool has_cls_ = false;
};

}  // namespace sparsweep
