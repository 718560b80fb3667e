// The masks that come from the words of one input: core's TextMasks over tokens, words, parses and
// word vectors. Not here: where these come from (trial_texts.h, mask_command.h). Any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/text_masks.h"
#include "trainer/glove.h"
#include "trainer/similarity.h"
#include "trainer/word_graph.h"
#include "trainer/words.h"

namespace sparsweep {

// One text or two, as the model reads them.
struct TextInput {
  std::vector<std::string> texts;
  std::vector<int32_t> ids;
  TokenOffsets tokens;
};

// The words of an input as its tokenizer cuts them.
Result<std::vector<Word>> TokenizerWords(const Tokenizer& tokenizer,
                                         const std::vector<std::string>& texts);

// The bytes of a word, and of all words.
std::string Form(const TextInput& input, const Word& word);
std::set<std::string> Forms(const TextInput& input, const std::vector<Word>& words);

// Vectors of the words of an input: the mean of the rows of `embeddings` [vocabulary, width]
// (float32, on the CPU) over a word's tokens, or what the GloVe file has. A word without tokens,
// and one that the file lacks, is zeros.
WordSimilarity SimilarityByModel(const TextInput& input, const std::vector<Word>& words,
                                 const at::Tensor& embeddings);
WordSimilarity SimilarityByGlove(const TextInput& input, const std::vector<Word>& words,
                                 const Glove& glove);

class InputMasks : public TextMasks {
 public:
  using Similarities = std::function<std::shared_ptr<const WordSimilarity>(Similarity by)>;
  // What a plan does not need may be null. The arguments outlive this object.
  InputMasks(const TextInput& input, const WordGraph* graph, const std::vector<Word>* words,
             Similarities similarities)
      : input_(input), graph_(graph), words_(words), similarities_(std::move(similarities)) {}

  void Add(const Syntax& pattern, Mask* mask) const override;
  void Add(const Lexical& pattern, Mask* mask) const override;

 private:
  const TextInput& input_;
  const WordGraph* graph_;
  const std::vector<Word>* words_;
  Similarities similarities_;
};

}  // namespace sparsweep
