// A corpus as sequences of tokens for MLM: documents read from files, tokenised line by line, and
// cut into sequences of max_length tokens ([CLS] and [SEP] among them) that never cross a document
// boundary; the last sequence of a document is what is left of it.
//
// Format `text`: a blank line ends a document, and so does the end of a file. Of tsv, csv and jsonl
// each row's text is a document. Not here: which tokens are masked (masking.h). One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/sweep_spec.h"
#include "trainer/tokens.h"

namespace sparsweep {

// Lines of each document, trimmed, none empty.
using Documents = std::vector<std::vector<std::string>>;
struct Corpus {
  Documents train, dev;
};

// With a split by hash, of the documents: their lines joined by a space, as ReadExamples splits
// texts; exact duplicates are dropped.
Result<Corpus> ReadCorpus(const TaskSpec& task, const std::filesystem::path& data_folder);

// `tokenizer` must not truncate; `vocab`: tokens of the model, all of which are the result's
// vocabulary, so that `ids` are token ids. Labels are 0. An error where a split has not the tokens
// of one whole sequence (train) or none at all (dev).
Result<std::shared_ptr<const TokenizedData>> PackCorpus(const Tokenizer& tokenizer, int vocab,
                                                        const Corpus& corpus, int max_length);

}  // namespace sparsweep
