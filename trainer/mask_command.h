// `sparsweep-trainer mask`: the masks of one text under an attention text, with its tokens and
// words, from a model's own folder; nothing is trained. The answer without a text is the core's
// (core/mask_request.h). One thread.
#pragma once

#include <filesystem>
#include <string>

#include "core/result.h"

namespace sparsweep {

// A request is an object with `model` (a name in the data folder or an absolute folder), `text`,
// `attention`, and if wanted `text_pair`, `max_length` (where texts are cut; default the model's),
// `mask_seed`, `rows`, `parses` and `glove` as in a task, and `conllu`, a file with the parses of
// the text from its sentence number `sentence` (1) on; that sentence is the text where there is no
// `text`.
//
// The answer is one line of JSON: what core/mask_request.h answers for the model's layers and heads
// and the text's length, and
//   "tokens": the tokens; "uncut_tokens": how many the whole text has; "words": the words that the
//   masks are of: the parser's where the plan has syntax, else the tokenizer's; "words_of_tokens":
//   per token the number of its word, -1 for none; and, where the plan has syntax,
//   "heads_of_words": per word the words that the parse joins it to, -1 for ROOT.
Result<std::string> AnswerTextMask(const std::string& request_json,
                                   const std::filesystem::path& data_folder);

}  // namespace sparsweep
