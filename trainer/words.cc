#include "trainer/words.h"

#include <algorithm>
#include <tuple>

namespace sparsweep {

WordTokens::WordTokens(const TokenOffsets& tokens, const std::vector<Word>& words)
    : word_of_token_(tokens.segment.size(), -1), tokens_(words.size()) {
  for (int token = 0; token < length(); ++token) {
    const int32_t segment = tokens.segment[token];
    if (segment < 0) continue;
    const uint32_t first = tokens.begin[token];
    // The last word that begins at or before the token's first character.
    auto after = std::ranges::upper_bound(words, std::pair(segment, first), {}, [](const Word& w) {
      return std::pair(w.segment, w.begin);
    });
    if (after == words.begin()) continue;
    const Word& word = *std::prev(after);
    if (word.segment != segment || first >= word.end) continue;
    word_of_token_[token] = static_cast<int32_t>(&word - words.data());
    tokens_[word_of_token_[token]].push_back(token);
  }
  has_cls_ = length() > 0 && tokens.segment[0] < 0;
}

void WordTokens::KeepPair(int a, int b, Mask* mask) const {
  for (int32_t i : tokens_[a]) {
    for (int32_t j : tokens_[b]) {
      mask->Keep(i, j);
      mask->Keep(j, i);
    }
  }
}

void WordTokens::KeepOwn(Mask* mask) const {
  for (int token = 0; token < length(); ++token) mask->Keep(token, token);
  for (int word = 0; word < words(); ++word) KeepPair(word, word, mask);
}

}  // namespace sparsweep
