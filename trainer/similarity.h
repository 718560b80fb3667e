// How similar the words of one input are, by the cosine of their vectors, and the masks that
// `lexical(..)` makes of it. Not here: whose vectors (model embeddings, glove.h). Plain values: any
// thread.
//
// A word of zeros is similar to nothing, itself included. Equal vectors have cosine 1 exactly, and
// the cosine of (a, b) is that of (b, a) to the last bit, so that ties are ties: they go to the
// lower index.
#pragma once

#include <cstdint>
#include <vector>

#include "core/mask.h"
#include "core/pattern.h"
#include "trainer/words.h"

namespace sparsweep {

class WordSimilarity {
 public:
  // `vectors` holds words x width numbers. Words that are to play no part (no tokens left) are
  // zeros.
  WordSimilarity(int words, int width, const std::vector<float>& vectors);

  int words() const { return words_; }
  bool zero(int word) const { return norms_[word] == 0; }
  double cosine(int a, int b) const;
  // The other words that are not zero, most similar first, ties to the lower index. Empty for a
  // word of zeros.
  const std::vector<int32_t>& order(int word) const { return orders_[word]; }
  int64_t bytes() const;

 private:
  int words_;
  std::vector<double> norms_;  // squared
  std::vector<double> dots_;   // of a < b, row by row
  std::vector<std::vector<int32_t>> orders_;
};

// Besides each word's own tokens: the words among each other's k most similar (either way).
void KeepMostSimilar(const WordSimilarity& similarity, const WordTokens& tokens, int k, Mask* mask);
// Or those whose cosine is at least the threshold.
void KeepSimilar(const WordSimilarity& similarity, const WordTokens& tokens, Threshold threshold,
                 Mask* mask);
// The k whose mask over this input is closest to `density`, ties to the smaller.
int DegreeOfDensity(const WordSimilarity& similarity, const WordTokens& tokens, Density density);

}  // namespace sparsweep
