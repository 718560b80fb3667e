// Examples as tokens: the tokenizer, and the data set that a trial trains and reports on. Stays
// resident between trials (session.h). Not here: files (reader.h), batches (batches.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "trainer/reader.h"

struct TokenizersC;

namespace sparsweep {

struct QaSplit;

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
  struct Window {
    std::vector<int32_t> ids, types;
    int first = 0;                                     // token that is the context's first
    std::vector<std::pair<uint32_t, uint32_t>> bytes;  // [begin, end) of each token of the context
  };
  // A question with its context in windows of at most `max_length` tokens, two in a row sharing
  // `stride` tokens of the context. Not for a tokenizer that truncates.
  Result<std::vector<Window>> Windows(const std::string& question, const std::string& context,
                                      int64_t max_length, int64_t stride) const;
  // The tokenizer's words of one text, whole, as [begin, end) in bytes, ascending.
  Result<std::vector<std::pair<uint32_t, uint32_t>>> Words(const std::string& text) const;
  // Empty if no token has this id.
  std::string TokenText(int32_t id) const;
  std::optional<int32_t> TokenId(const std::string& token) const;
  int64_t vocab_size() const;

 private:
  explicit Tokenizer(TokenizersC* handle) : handle_(handle) {}
  TokenizersC* handle_;
};

// One split as flat arrays. Of labels, targets and spans there are those of the task's type.
struct TokenizedSplit {
  std::vector<int32_t> ids, types;   // all examples, one after the other
  std::vector<int64_t> begin = {0};  // example i: [begin[i], begin[i + 1])
  std::vector<int32_t> labels;       // classification
  std::vector<float> targets;        // regression
  // qa, where an example is a window: the answer's first and last token, (0, 0) for none
  std::vector<std::pair<int32_t, int32_t>> spans;
  struct Row {
    int64_t row, window;
  };
  std::vector<Row> rows;  // qa: the question of each window, and which of its windows it is
  std::shared_ptr<const QaSplit> qa;

  int64_t size() const { return static_cast<int64_t>(begin.size()) - 1; }
  // What an example is in the key of its mask.
  Row RowOf(int64_t i) const { return rows.empty() ? Row{i, 0} : rows[i]; }
  int length(int64_t i) const { return static_cast<int>(begin[i + 1] - begin[i]); }
  std::vector<int> lengths() const;
};

// `ids` of all splits are numbers of rows in `vocabulary`, the sorted token ids that occur: a
// model for this data needs only those rows of its word table (bert.h).
struct TokenizedData {
  TokenizedSplit train, dev, test;  // test may be empty
  std::vector<int32_t> vocabulary;

  // Makes token ids numbers of rows: fills `vocabulary`.
  void NumberTokens();
};

// `types`: token types that the model has. With one, all are 0, as where a model of transformers
// has no such input; with more, a tokenizer that gives others is refused.
Result<std::shared_ptr<const TokenizedData>> Tokenize(const Tokenizer& tokenizer,
                                                      const Examples& examples, int types = 2);

// The first `count` training examples (0: all), for `train_examples`; of qa, questions.
TokenizedSplit FirstExamples(const TokenizedSplit& split, int64_t count);

}  // namespace sparsweep
