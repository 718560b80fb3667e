#include "trainer/corpus.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "core/catalog.h"
#include "trainer/reader.h"
#include "trainer/text.h"

namespace sparsweep {
namespace {

// Calls `sink` with each document of a file.
template <typename Sink>
Status ReadTextDocuments(const std::string& path, const Sink& sink) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path + ": cannot be opened");
  std::vector<std::string> document;
  int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (!IsUtf8(line)) {
      return InvalidArgument(path + ":" + std::to_string(number) + ": " + WhyNotUtf8(line));
    }
    std::string_view text = line;
    if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    text = Trim(text);
    if (!text.empty()) {
      document.emplace_back(text);
    } else if (!document.empty()) {
      sink(std::exchange(document, {}));
    }
  }
  if (!document.empty()) sink(std::move(document));
  return {};
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : " ") + line;
  return text;
}

// Cuts documents into sequences.
class Packer {
 public:
  Packer(const Tokenizer& tokenizer, int max_length) : tokenizer_(tokenizer), most_(max_length) {}

  Status Pack(const Documents& documents, TokenizedSplit* split) {
    // What the tokenizer puts around a text.
    auto around = tokenizer_.Encode({"a", "", 0, 0, 0});
    if (!around.ok()) return around.status();
    std::vector<int32_t> front, back;
    bool inside = false;
    for (size_t i = 0; i < around->ids.size(); ++i) {
      const bool special = around->offsets.segment[i] < 0;
      inside |= !special;
      if (special) (inside ? back : front).push_back(around->ids[i]);
    }
    const int64_t room = most_ - static_cast<int64_t>(front.size() + back.size());
    for (const auto& document : documents) {
      std::vector<int32_t> tokens;
      for (const std::string& line : document) {
        auto encoded = tokenizer_.Encode({line, "", 0, 0, 0});
        if (!encoded.ok()) return encoded.status();
        for (size_t i = 0; i < encoded->ids.size(); ++i) {
          if (encoded->offsets.segment[i] >= 0) tokens.push_back(encoded->ids[i]);
        }
      }
      tokens_ += static_cast<int64_t>(tokens.size());
      for (auto at = tokens.begin(); at < tokens.end();) {
        const auto end = at + std::min<int64_t>(room, tokens.end() - at);
        split->ids.insert(split->ids.end(), front.begin(), front.end());
        split->ids.insert(split->ids.end(), at, end);
        split->ids.insert(split->ids.end(), back.begin(), back.end());
        split->begin.push_back(static_cast<int64_t>(split->ids.size()));
        split->labels.push_back(0);
        at = end;
      }
    }
    split->types.assign(split->ids.size(), 0);
    return {};
  }

  int64_t tokens() const { return tokens_; }

 private:
  const Tokenizer& tokenizer_;
  int64_t most_;
  int64_t tokens_ = 0;
};

}  // namespace

Result<Corpus> ReadCorpus(const TaskSpec& task, const std::filesystem::path& data_folder) {
  Corpus corpus;
  std::set<std::string> seen;
  for (const char* split : {"train", "dev"}) {
    const auto files = task.files.find(split);
    if (files == task.files.end()) continue;
    const auto take = [&](std::vector<std::string> document) {
      bool dev = split == std::string("dev");
      if (task.split_dev > 0) {
        const std::string text = Joined(document);
        if (!seen.insert(text).second) return;
        dev = HeldOut(text, task.split_dev);
      }
      (dev ? corpus.dev : corpus.train).push_back(std::move(document));
    };
    for (const std::string& file : files->second) {
      const std::string path = TaskFile(data_folder, task, file).string();
      Status status;
      if (task.format == "text") {
        status = ReadTextDocuments(path, take);
      } else {
        status = ReadRows(path, task.format, {task.columns.at("text")},
                          [&](int64_t, const std::vector<std::string>& values) {
                            std::string text(Trim(values[0]));
                            if (!text.empty()) take({std::move(text)});
                            return Status();
                          });
      }
      if (!status.ok()) return status;
    }
  }
  return corpus;
}

Result<std::shared_ptr<const TokenizedData>> PackCorpus(const Tokenizer& tokenizer, int vocab,
                                                        const Corpus& corpus, int max_length) {
  auto data = std::make_shared<TokenizedData>();
  Packer train(tokenizer, max_length), dev(tokenizer, max_length);
  if (Status status = train.Pack(corpus.train, &data->train); !status.ok()) return status;
  if (Status status = dev.Pack(corpus.dev, &data->dev); !status.ok()) return status;
  if (train.tokens() < max_length - 2) {
    return InvalidArgument("the training corpus has " + std::to_string(train.tokens()) +
                           " tokens, fewer than one sequence of " + std::to_string(max_length) +
                           "; give it more text or lower max_length");
  }
  if (dev.tokens() == 0) {
    return InvalidArgument(
        "the dev corpus has no text, so there is no validation perplexity; give it some, or let "
        "\"split\" hold out more documents");
  }
  data->vocabulary.resize(static_cast<size_t>(vocab));
  std::iota(data->vocabulary.begin(), data->vocabulary.end(), 0);
  return std::shared_ptr<const TokenizedData>(data);
}

}  // namespace sparsweep
