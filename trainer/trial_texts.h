// The texts of a task's examples as masks need them: tokens with their places, words, parses, word
// vectors. Stays resident between trials; Prepare adds what a plan needs and is not there yet, on
// the trial's thread; afterwards masks are built on any thread.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/plan.h"
#include "trainer/checkpoint.h"
#include "trainer/input_masks.h"
#include "trainer/link_grammar.h"
#include "trainer/parse_cache.h"
#include "trainer/reader.h"

namespace sparsweep {

// The parser that a process loads once, with its cache in DATA/cache/parses.
class Parser {
 public:
  explicit Parser(std::filesystem::path data_folder) : data_folder_(std::move(data_folder)) {}
  // The parses of the texts, sentence by sentence, from the cache where it has them. `wanted`: the
  // task's parser. kCancelled where `cancelled` said so.
  Result<std::vector<ParsedText>> Parse(const std::string& wanted,
                                        const std::vector<std::string_view>& texts,
                                        const std::function<bool()>& cancelled);

 private:
  std::filesystem::path data_folder_;
  std::string version_;
  std::unique_ptr<LinkGrammar> grammar_;
  std::unique_ptr<ParseCache> cache_;
};

// Whether some mask of the plan comes from parses.
bool NeedsParses(const Plan& plan);
// Or from these word vectors.
bool NeedsVectors(const Plan& plan, Similarity by);

class TrialTexts {
 public:
  // Tokenizes again what Tokenize did, and keeps where each token is from. `tokenizer` truncates;
  // the word vectors of `by=model` are the checkpoint's.
  static Result<std::shared_ptr<TrialTexts>> Read(const TaskSpec& task,
                                                  const std::filesystem::path& data_folder,
                                                  Tokenizer tokenizer,
                                                  std::shared_ptr<const Checkpoint> checkpoint);
  // The same of examples that were read from the task's files already.
  static Result<std::shared_ptr<TrialTexts>> Of(const TaskSpec& task,
                                                const std::filesystem::path& data_folder,
                                                const Examples& examples, Tokenizer tokenizer,
                                                std::shared_ptr<const Checkpoint> checkpoint);

  // Examples are numbered: train as read, then dev, then test.
  int64_t train_size() const { return train_size_; }

  // Finds parses and vectors for the masks of `plan` over `examples`.
  Status Prepare(const Plan& plan, const std::vector<int64_t>& examples, Parser& parser,
                 const std::function<bool()>& cancelled);

  // The masks of one example; Prepare was called for it. The object outlives this one's answer.
  InputMasks Masks(int64_t example) const;

  struct ParseCounts {
    int64_t sentences = 0, parsed = 0, capped = 0;
  };
  ParseCounts Counts(const std::vector<int64_t>& examples) const;

 private:
  struct Entry {
    TextInput input;
    int32_t file = 0;
    int64_t line = 0;
    std::optional<WordGraph> graph;
    ParseCounts counts;
    std::optional<std::vector<Word>> words;  // of lexical
  };

  TrialTexts(TaskSpec task, std::filesystem::path data_folder, Tokenizer tokenizer,
             std::shared_ptr<const Checkpoint> checkpoint)
      : task_(std::move(task)),
        data_folder_(std::move(data_folder)),
        tokenizer_(std::move(tokenizer)),
        checkpoint_(std::move(checkpoint)) {}
  Status Add(const Example& example);
  void SetGraph(Entry& entry, const std::vector<const ParsedText*>& segments);
  Status AlignTreebank();
  Status ParseAll(const std::vector<int64_t>& examples, Parser& parser,
                  const std::function<bool()>& cancelled);
  Status FindWords();
  std::shared_ptr<const WordSimilarity> Similar(int64_t example, Similarity by) const;

  TaskSpec task_;
  std::filesystem::path data_folder_;
  Tokenizer tokenizer_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  int64_t train_size_ = 0;
  std::vector<Entry> entries_;
  bool aligned_ = false;
  std::optional<Glove> glove_;

  // Similarities stay while they fit; the others are computed again.
  mutable std::mutex mutex_;
  mutable int64_t similarity_bytes_ = 0;
  mutable std::array<std::vector<std::shared_ptr<const WordSimilarity>>, 2> similarities_;
};

}  // namespace sparsweep
