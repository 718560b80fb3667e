// How the server asks for the masks of a typed text: a function that whoever starts it gives it, as
// the tokenizer and the model belong to another program (`sparsweep-trainer mask`).
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "core/result.h"

namespace sparsweep {

struct TextMaskQuestion {
  std::string model;              // a name in the data folder, or a folder
  std::string model_fingerprint;  // of the trial; with its weights, unless they were drawn
  bool weights = true;
  std::string attention;  // only the masks of patterns that need the text are looked at
  std::string text, text_pair;
  int max_length = 0;
  uint64_t mask_seed = 0;
  std::string parses, glove;  // as in the trial's task
};
// The answer of core/mask_request.h with rows, and "tokens" and "uncut_tokens" beside it
// (docs/cli.md, mask). May take seconds; gives up when the token says so.
using TextMasker =
    std::function<Result<std::string>(const TextMaskQuestion& question, std::stop_token)>;

}  // namespace sparsweep
