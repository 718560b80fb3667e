// Masks of a text: asked of `sparsweep-trainer mask`, which has the tokenizer and the model.
#pragma once

#include <cstdint>
#include <string>

#include "client/program_output.h"
#include "core/result.h"
#include "server/text_masker.h"

namespace sparsweep {

// What a person may ask beyond what the server asks.
struct TextMaskRequest {
  TextMaskQuestion of;   // its fingerprint is not looked at; max_length 0: the model's
  std::string conllu;    // file with the parses of the text, or with the text
  int64_t sentence = 1;  // of the file, where the text begins
  bool rows = false;
};

// The answer as one line of JSON: that of core/mask_request.h with "tokens", "uncut_tokens" and
// "words" (and, where the plan has syntax, "heads_of_words"). Starts the program `trainer`.
Result<std::string> AskForTextMasks(const std::string& trainer, const std::string& data_folder,
                                    const TextMaskRequest& request,
                                    const ProgramLimits& limits = {});

// The same for a server's callers, whose texts may not cost as much.
TextMasker MakeTextMasker(std::string trainer, std::string data_folder);

}  // namespace sparsweep
