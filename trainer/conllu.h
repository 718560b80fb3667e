// CoNLL-U treebanks: a file of sentences with HEAD columns, and how its sentences come to lie on
// the texts of a data file. Read strictly: every complaint names file and line. Not here: which
// file belongs to which data (trial_texts.h). Any thread.
//
// Multiword tokens ("1-2  don't") stand in the text; their words (do, n't) share their bytes where
// they spell them, else they are one word that has the edges of all. Empty nodes ("8.1") and
// enhanced dependencies play no part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "trainer/word_graph.h"

namespace sparsweep {

struct ConlluSentence {
  struct Word {
    std::string form;  // as it stands in the text
    int64_t line = 0;
  };
  std::vector<Word> words;
  std::vector<std::pair<int32_t, int32_t>> edges;
  std::vector<int32_t> roots;
};

// `name` starts every complaint.
Result<std::vector<ConlluSentence>> ParseConllu(const std::string& name, std::string_view text);

// Hands out the sentences of one file, text by text in the order of the data.
class ConlluAligner {
 public:
  static Result<ConlluAligner> Open(const std::string& path);
  ConlluAligner(std::string name, std::vector<ConlluSentence> sentences)
      : name_(std::move(name)), sentences_(std::move(sentences)) {}

  // Takes the sentences of `text`: their words, white space apart, are its characters. `where`
  // names the text in complaints: "text 3 (reviews.tsv:4)".
  Result<ParsedText> Take(std::string_view text, const std::string& where);
  // Goes to a sentence, from 1 on, whatever texts come before it.
  Status GoTo(int64_t sentence);
  // The words of the sentence there, with spaces between; empty where the file ends.
  std::string NextWords() const;
  // Complains if sentences are left.
  Status Finish() const;

 private:
  std::string name_;
  std::vector<ConlluSentence> sentences_;
  size_t next_ = 0;
};

}  // namespace sparsweep
