// Examples as tokens: the tokenizer, and the data set that a trial trains and reports on. Stays
// resident between trials (session.h). Not here: files (reader.h), batches (batches.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "trainer/reader.h"

struct TokenizersC;

namespace sparsweep {

// Where each token of an input comes from.
struct TokenOffsets {
  std::vector<int8_t> segment;  // 0: the text, 1: text_pair, -1: special ([CLS], [SEP])
  std::vector<uint32_t> begin;  // first byte in its text; 0 for a special token
};

// The `tokenizers` crate behind RAII and Result. Loaded from FOLDER/tokenizer.json.
class Tokenizer {
 public:
  static Result<Tokenizer> Load(const std::string& folder);
  Tokenizer(Tokenizer&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  ~Tokenizer();

  struct Encoded {
    std::vector<int32_t> ids;
    std::vector<int32_t> types;
    TokenOffsets offsets;
  };
  // At most `max_length` tokens from the next Encode on.
  Status Truncate(int max_length);
  Result<Encoded> Encode(const Example& example) const;
  // The tokenizer's words of one text, whole, as [begin, end) in bytes, ascending.
  Result<std::vector<std::pair<uint32_t, uint32_t>>> Words(const std::string& text) const;
  // Empty if no token has this id.
  std::string TokenText(int32_t id) const;
  int64_t vocab_size() const;

 private:
  explicit Tokenizer(TokenizersC* handle) : handle_(handle) {}
  TokenizersC* handle_;
};

// One split as flat arrays.
struct TokenizedSplit {
  std::vector<int32_t> ids, types;   // all examples, one after the other
  std::vector<int64_t> begin = {0};  // example i: [begin[i], begin[i + 1])
  std::vector<int32_t> labels;

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  int length(int64_t i) const { return static_cast<int>(begin[i + 1] - begin[i]); }
  std::vector<int> lengths() const;
};

// `ids` of both splits are numbers of rows in `vocabulary`, the sorted token ids that occur: a
// model for this data needs only those rows of its word table (bert.h).
struct TokenizedData {
  TokenizedSplit train, dev;
  std::vector<int32_t> vocabulary;
};

// `types`: token types that the model has. With one, all are 0, as where a model of transformers
// has no such input; with more, a tokenizer that gives others is refused.
Result<std::shared_ptr<const TokenizedData>> Tokenize(const Tokenizer& tokenizer,
                                                      const Examples& examples, int types = 2);

// The first `count` training examples (0: all), for `train_examples`.
TokenizedSplit FirstExamples(const TokenizedSplit& split, int64_t count);

}  // namespace sparsweep
