// Questions as the windows that a model reads: [question, a piece of the context], each piece
// overlapping the one before by doc_stride tokens. Not here: files (qa_reader.h), what answers come
// of the logits (qa_answers.h). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/qa_reader.h"
#include "trainer/tokens.h"

namespace sparsweep {

// Where the tokens of one window's context come from.
struct QaWindow {
  int64_t question = 0;  // of its split
  int first = 0;         // token of the window that is the context's first
  std::vector<std::pair<uint32_t, uint32_t>> bytes;  // [begin, end) of each of its tokens
};

// Of one split: example i of the TokenizedSplit is windows[i], in the order of the questions.
struct QaSplit {
  std::vector<Question> questions;
  std::vector<QaWindow> windows;
  bool may_have_none = false;
};

// The answered questions among a split's examples, and those of them whose answer no window holds
// whole: they train as if there were none.
struct CutAnswers {
  int64_t answers = 0, cut = 0;
};
CutAnswers CountCutAnswers(const TokenizedSplit& split);

// `tokenizer` does not truncate; `types` is how many token types the model has. An error names the
// question.
Result<std::shared_ptr<const TokenizedData>> TokenizeQuestions(const Tokenizer& tokenizer,
                                                               Questions questions,
                                                               int64_t max_length,
                                                               int64_t doc_stride, int types);

}  // namespace sparsweep
