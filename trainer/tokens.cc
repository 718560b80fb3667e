#include "trainer/tokens.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "trainer/tokenizers_c/tokenizers_c.h"

namespace sparsweep {
namespace {

Status Failed(const std::string& what, char* error) {
  std::string sentence = error ? error : "unknown error";
  tokenizers_error_free(error);
  return InvalidArgument(what + ": " + sentence);
}

Status Append(const Tokenizer& tokenizer, const Example& example, int types,
              TokenizedSplit* split) {
  auto encoded = tokenizer.Encode(example);
  if (!encoded.ok()) return encoded.status();
  for (int32_t& type : encoded->types) {
    if (types == 1) type = 0;
    if (type < types) continue;
    return InvalidArgument("the tokenizer gives token type " + std::to_string(type) +
                           ", the model has " + std::to_string(types) +
                           "; both must be of one model");
  }
  split->ids.insert(split->ids.end(), encoded->ids.begin(), encoded->ids.end());
  split->types.insert(split->types.end(), encoded->types.begin(), encoded->types.end());
  split->begin.push_back(static_cast<int64_t>(split->ids.size()));
  if (example.target) {
    split->targets.push_back(static_cast<float>(*example.target));
  } else {
    split->labels.push_back(example.label);
  }
  return {};
}

}  // namespace

Result<Tokenizer> Tokenizer::Load(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path + ": cannot be opened");
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string json = buffer.str();
  char* error = nullptr;
  TokenizersC* handle = tokenizers_load(json.data(), json.size(), &error);
  if (!handle) return Failed(path, error);
  return Tokenizer(handle);
}

Tokenizer::~Tokenizer() {
  if (handle_) tokenizers_free(handle_);
}

Status Tokenizer::Truncate(int max_length) {
  char* error = nullptr;
  if (!tokenizers_truncate(handle_, static_cast<size_t>(max_length), &error)) {
    return Failed("max_length " + std::to_string(max_length), error);
  }
  return {};
}

Result<Tokenizer::Encoded> Tokenizer::Encode(const Example& example) const {
  TokenizersEncoding encoding;
  char* error = nullptr;
  const char* pair = example.text_pair.empty() ? nullptr : example.text_pair.data();
  if (!tokenizers_encode(handle_, example.text.data(), example.text.size(), pair,
                         example.text_pair.size(), &encoding, &error)) {
    return Failed("tokenizing \"" + example.text.substr(0, 60) + "\"", error);
  }
  Encoded encoded{{encoding.ids, encoding.ids + encoding.length},
                  {encoding.type_ids, encoding.type_ids + encoding.length},
                  {{encoding.sequence, encoding.sequence + encoding.length},
                   {encoding.begins, encoding.begins + encoding.length}}};
  tokenizers_encoding_free(&encoding);
  return encoded;
}

Result<std::vector<Tokenizer::Window>> Tokenizer::Windows(const std::string& question,
                                                          const std::string& context,
                                                          int64_t max_length,
                                                          int64_t stride) const {
  TokenizersWindows made;
  char* error = nullptr;
  if (!tokenizers_windows(handle_, question.data(), question.size(), context.data(), context.size(),
                          static_cast<size_t>(max_length), static_cast<size_t>(stride), &made,
                          &error)) {
    std::string sentence = error ? error : "unknown error";
    tokenizers_error_free(error);
    return InvalidArgument(sentence);
  }
  std::vector<Window> windows(made.count);
  for (size_t w = 0; w < made.count; ++w) {
    const TokenizersEncoding& encoding = made.windows[w];
    windows[w].ids.assign(encoding.ids, encoding.ids + encoding.length);
    windows[w].types.assign(encoding.type_ids, encoding.type_ids + encoding.length);
    for (size_t i = 0; i < encoding.length; ++i) {
      if (encoding.sequence[i] != 1) continue;
      if (windows[w].bytes.empty()) windows[w].first = static_cast<int>(i);
      windows[w].bytes.emplace_back(encoding.begins[i], encoding.ends[i]);
    }
  }
  tokenizers_windows_free(&made);
  return windows;
}

Result<std::vector<std::pair<uint32_t, uint32_t>>> Tokenizer::Words(const std::string& text) const {
  TokenizersWords words;
  char* error = nullptr;
  if (!tokenizers_words(handle_, text.data(), text.size(), &words, &error)) {
    return Failed("splitting \"" + text.substr(0, 60) + "\" into words", error);
  }
  std::vector<std::pair<uint32_t, uint32_t>> spans(words.length);
  for (size_t i = 0; i < words.length; ++i) spans[i] = {words.begins[i], words.ends[i]};
  tokenizers_words_free(&words);
  return spans;
}

std::string Tokenizer::TokenText(int32_t id) const {
  char* text = tokenizers_token_text(handle_, static_cast<uint32_t>(id));
  std::string copy = text ? text : "";
  tokenizers_error_free(text);
  return copy;
}

std::optional<int32_t> Tokenizer::TokenId(const std::string& token) const {
  const int64_t id = tokenizers_token_id(handle_, token.c_str());
  if (id < 0) return std::nullopt;
  return static_cast<int32_t>(id);
}

int64_t Tokenizer::vocab_size() const {
  return static_cast<int64_t>(tokenizers_vocab_size(handle_));
}

std::vector<int> TokenizedSplit::lengths() const {
  std::vector<int> lengths(size());
  for (int64_t i = 0; i < size(); ++i) lengths[i] = length(i);
  return lengths;
}

Result<std::shared_ptr<const TokenizedData>> Tokenize(const Tokenizer& tokenizer,
                                                      const Examples& examples, int types) {
  auto tokenized = std::make_shared<TokenizedData>();
  for (const auto& [from, to] :
       {std::pair(&examples.train, &tokenized->train), std::pair(&examples.dev, &tokenized->dev),
        std::pair(&examples.test, &tokenized->test)}) {
    for (const Example& example : *from) {
      Status status = Append(tokenizer, example, types, to);
      if (!status.ok()) return status;
    }
  }
  tokenized->NumberTokens();
  return std::shared_ptr<const TokenizedData>(tokenized);
}

void TokenizedData::NumberTokens() {
  vocabulary = {0};  // padding reads row 0
  for (const auto* split : {&train, &dev, &test}) {
    vocabulary.insert(vocabulary.end(), split->ids.begin(), split->ids.end());
  }
  std::ranges::sort(vocabulary);
  vocabulary.erase(std::unique(vocabulary.begin(), vocabulary.end()), vocabulary.end());
  for (auto* split : {&train, &dev, &test}) {
    for (int32_t& id : split->ids) {
      id = static_cast<int32_t>(std::ranges::lower_bound(vocabulary, id) - vocabulary.begin());
    }
  }
}

TokenizedSplit FirstExamples(const TokenizedSplit& split, int64_t count) {
  if (count == 0) return split;
  if (!split.rows.empty()) {
    count =
        std::ranges::partition_point(split.rows, [&](const auto& row) { return row.row < count; }) -
        split.rows.begin();
  }
  if (count >= split.size()) return split;
  TokenizedSplit first;
  first.begin.assign(split.begin.begin(), split.begin.begin() + count + 1);
  const auto take = [count](const auto& from, auto* to) {
    if (!from.empty()) to->assign(from.begin(), from.begin() + count);
  };
  take(split.labels, &first.labels);
  take(split.targets, &first.targets);
  take(split.spans, &first.spans);
  take(split.rows, &first.rows);
  first.qa = split.qa;
  first.ids.assign(split.ids.begin(), split.ids.begin() + first.begin.back());
  first.types.assign(split.types.begin(), split.types.begin() + first.begin.back());
  return first;
}

}  // namespace sparsweep
