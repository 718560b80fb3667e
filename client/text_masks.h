// Masks of a text: asked of `sparsweep-trainer mask`, which has the tokenizer and the model.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace sparsweep {

struct TextMaskRequest {
  std::string model;  // a name in the data folder, or a folder
  std::string text, text_pair;
  std::string attention;
  int max_length = 0;  // 0: the model's
  uint64_t mask_seed = 0;
  bool rows = false;
  std::string glove;  // file of word vectors, for lexical(by=glove)
};

// The answer as one line of JSON: that of core/mask_request.h with "tokens" and "words" (and, where
// the plan has syntax, "heads_of_words"). Starts the program `trainer`.
Result<std::string> AskForTextMasks(const std::string& trainer, const std::string& data_folder,
                                    const TextMaskRequest& request);

}  // namespace sparsweep
