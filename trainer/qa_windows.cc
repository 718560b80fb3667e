#include "trainer/qa_windows.h"

#include <algorithm>

#include "trainer/text.h"

namespace sparsweep {
namespace {

// The window's tokens of the answer, first and last; (0, 0), the first token, where it does not
// hold all of it.
std::pair<int32_t, int32_t> AnswerTokens(const QaWindow& window, const Question& question) {
  const auto& bytes = window.bytes;
  if (!question.span || bytes.empty()) return {0, 0};
  const auto [begin, end] = *question.span;
  if (bytes.front().first > begin || bytes.back().second < end) return {0, 0};
  size_t first = 0, last = bytes.size();
  while (first < bytes.size() && bytes[first].first <= begin) ++first;
  while (last > 0 && bytes[last - 1].second >= end) --last;
  return {window.first + static_cast<int32_t>(first) - 1,
          window.first + static_cast<int32_t>(last)};
}

class SplitMaker {
 public:
  SplitMaker(const Tokenizer& tokenizer, int64_t max_length, int64_t doc_stride, int types)
      : tokenizer_(tokenizer), max_length_(max_length), doc_stride_(doc_stride), types_(types) {}

  Status Make(std::vector<Question> questions, bool may_have_none, TokenizedSplit* split) {
    auto qa = std::make_shared<QaSplit>();
    qa->questions = std::move(questions);
    qa->may_have_none = may_have_none;
    for (size_t number = 0; number < qa->questions.size(); ++number) {
      const Question& question = qa->questions[number];
      auto windows = tokenizer_.Windows(std::string(TrimStart(question.text)), *question.context,
                                        max_length_, doc_stride_);
      if (!windows.ok()) {
        return InvalidArgument("question \"" + question.id + "\": " + windows.status().message() +
                               "; raise max_length or lower doc_stride");
      }
      for (size_t w = 0; w < windows->size(); ++w) {
        const Tokenizer::Window& tokens = (*windows)[w];
        QaWindow window{static_cast<int64_t>(number), tokens.first, tokens.bytes};
        split->ids.insert(split->ids.end(), tokens.ids.begin(), tokens.ids.end());
        for (const int32_t type : tokens.types) split->types.push_back(types_ > 1 ? type : 0);
        split->begin.push_back(static_cast<int64_t>(split->ids.size()));
        split->spans.push_back(AnswerTokens(window, question));
        split->rows.push_back({static_cast<int64_t>(number), static_cast<int64_t>(w)});
        qa->windows.push_back(std::move(window));
      }
    }
    split->qa = std::move(qa);
    return {};
  }

 private:
  const Tokenizer& tokenizer_;
  const int64_t max_length_, doc_stride_;
  const int types_;
};

}  // namespace

CutAnswers CountCutAnswers(const TokenizedSplit& split) {
  CutAnswers counts;
  for (int64_t i = 0; i < split.size();) {
    const int64_t row = split.rows[i].row;
    bool held = false;
    for (; i < split.size() && split.rows[i].row == row; ++i) held |= split.spans[i].first > 0;
    const bool answered = split.qa->questions[row].span.has_value();
    counts.answers += answered;
    counts.cut += answered && !held;
  }
  return counts;
}

Result<std::shared_ptr<const TokenizedData>> TokenizeQuestions(const Tokenizer& tokenizer,
                                                               Questions questions,
                                                               int64_t max_length,
                                                               int64_t doc_stride, int types) {
  auto data = std::make_shared<TokenizedData>();
  SplitMaker maker(tokenizer, max_length, doc_stride, types);
  const bool none = questions.may_have_none;
  Status status = maker.Make(std::move(questions.train), none, &data->train);
  if (status.ok()) status = maker.Make(std::move(questions.dev), none, &data->dev);
  if (status.ok()) status = maker.Make(std::move(questions.test), none, &data->test);
  if (!status.ok()) return status;
  data->NumberTokens();
  return std::shared_ptr<const TokenizedData>(data);
}

}  // namespace sparsweep
