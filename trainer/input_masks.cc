#include "trainer/input_masks.h"

#include <algorithm>

namespace sparsweep {

Result<std::vector<Word>> TokenizerWords(const Tokenizer& tokenizer,
                                         const std::vector<std::string>& texts) {
  std::vector<Word> words;
  for (size_t segment = 0; segment < texts.size(); ++segment) {
    auto spans = tokenizer.Words(texts[segment]);
    if (!spans.ok()) return spans.status();
    for (auto [begin, end] : *spans) {
      words.push_back({static_cast<int32_t>(segment), begin, end});
    }
  }
  return words;
}

std::string Form(const TextInput& input, const Word& word) {
  return input.texts[word.segment].substr(word.begin, word.end - word.begin);
}

std::set<std::string> Forms(const TextInput& input, const std::vector<Word>& words) {
  std::set<std::string> forms;
  for (const Word& word : words) forms.insert(Form(input, word));
  return forms;
}

WordSimilarity SimilarityByModel(const TextInput& input, const std::vector<Word>& words,
                                 const at::Tensor& embeddings) {
  const auto width = static_cast<int>(embeddings.size(1));
  const float* rows = embeddings.const_data_ptr<float>();
  const WordTokens tokens(input.tokens, words);
  std::vector<float> vectors(words.size() * width);
  std::vector<double> sum(width);
  for (int word = 0; word < tokens.words(); ++word) {
    if (tokens.tokens(word).empty()) continue;
    sum.assign(width, 0);
    for (int32_t token : tokens.tokens(word)) {
      const float* row = rows + static_cast<int64_t>(input.ids[token]) * width;
      for (int i = 0; i < width; ++i) sum[i] += row[i];
    }
    const auto count = static_cast<double>(tokens.tokens(word).size());
    for (int i = 0; i < width; ++i) {
      vectors[static_cast<size_t>(word) * width + i] = static_cast<float>(sum[i] / count);
    }
  }
  return WordSimilarity(tokens.words(), width, vectors);
}

WordSimilarity SimilarityByGlove(const TextInput& input, const std::vector<Word>& words,
                                 const Glove& glove) {
  const int width = glove.width();
  const WordTokens tokens(input.tokens, words);
  std::vector<float> vectors(words.size() * width);
  for (int i = 0; i < tokens.words(); ++i) {
    if (tokens.tokens(i).empty()) continue;
    const auto* vector = glove.Find(Form(input, words[i]));
    if (vector) std::ranges::copy(*vector, vectors.begin() + static_cast<int64_t>(i) * width);
  }
  return WordSimilarity(tokens.words(), width, vectors);
}

void InputMasks::Add(const Syntax& pattern, Mask* mask) const {
  SPARSWEEP_CHECK(graph_ != nullptr);
  KeepSyntax(*graph_, WordTokens(input_.tokens, graph_->words), pattern.hops, mask);
}

void InputMasks::Add(const Lexical& pattern, Mask* mask) const {
  SPARSWEEP_CHECK(words_ != nullptr);
  const WordTokens tokens(input_.tokens, *words_);
  const auto similarity = similarities_(pattern.by);
  if (const auto* threshold = std::get_if<Threshold>(&pattern.by_count_or_threshold)) {
    return KeepSimilar(*similarity, tokens, *threshold, mask);
  }
  const auto& degree = std::get<Degree>(pattern.by_count_or_threshold);
  const auto* density = std::get_if<Density>(&degree);
  const int k = density ? DegreeOfDensity(*similarity, tokens, *density) : std::get<int>(degree);
  KeepMostSimilar(*similarity, tokens, k, mask);
}

}  // namespace sparsweep
