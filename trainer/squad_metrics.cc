#include "trainer/squad_metrics.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "trainer/text.h"
#include "trainer/tokenizers_c/tokenizers_c.h"

namespace sparsweep {
namespace {

constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

bool IsPunctuation(char c) { return kPunctuation.find(c) != std::string_view::npos; }

std::string LowerCase(const std::string& text) {
  char* lower = tokenizers_lower_case(text.data(), text.size());
  std::string copy = lower ? lower : "";
  tokenizers_error_free(lower);
  return copy;
}

bool IsArticle(std::string_view word) { return word == "a" || word == "an" || word == "the"; }

// Runs of word characters that are an article become a blank, as \b(a|an|the)\b does.
std::string WithoutArticles(const std::string& text) {
  std::string out, run;
  const auto end_run = [&] {
    out += IsArticle(run) ? " " : run;
    run.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    const std::string_view character = rest.substr(0, FirstSize(rest));
    if (tokenizers_is_word_character(FirstCharacter(rest))) {
      run += character;
    } else {
      end_run();
      out += character;
    }
    at += character.size();
  }
  end_run();
  return out;
}

std::vector<std::string> Words(const std::string& normal) {
  std::vector<std::string> words;
  for (size_t at = 0; at < normal.size();) {
    const size_t end = std::min(normal.find(' ', at), normal.size());
    words.push_back(normal.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// 0 where they share no word, and so where one of them has none.
double SharedF1(const std::string& predicted, const std::string& gold) {
  const std::vector<std::string> found = Words(predicted), wanted = Words(gold);
  std::map<std::string, int> left;
  for (const std::string& word : wanted) ++left[word];
  int same = 0;
  for (const std::string& word : found) same += left[word]-- > 0;
  if (same == 0) return 0;
  const double precision = static_cast<double>(same) / static_cast<double>(found.size());
  const double recall = static_cast<double>(same) / static_cast<double>(wanted.size());
  return 2 * precision * recall / (precision + recall);
}

AnswerScore Best(const std::string& predicted, const std::vector<std::string>& gold,
                 bool empty_is_right) {
  AnswerScore best;
  const std::string normal = NormalAnswer(predicted);
  for (const std::string& answer : gold) {
    const std::string wanted = NormalAnswer(answer);
    const bool same = normal == wanted;
    const double f1 = empty_is_right && same && wanted.empty() ? 1 : SharedF1(normal, wanted);
    best.exact = std::max(best.exact, same ? 1.0 : 0.0);
    best.f1 = std::max(best.f1, f1);
  }
  return best;
}

}  // namespace

std::string NormalAnswer(const std::string& text) {
  std::string lower = LowerCase(text);
  std::erase_if(lower, IsPunctuation);
  lower = WithoutArticles(lower);
  std::string out;
  bool blank = false;
  for (size_t at = 0; at < lower.size();) {
    const std::string_view rest = std::string_view(lower).substr(at);
    const std::string_view character = rest.substr(0, FirstSize(rest));
    if (IsSpace(FirstCharacter(rest))) {
      blank = !out.empty();
    } else {
      if (blank) out += ' ';
      blank = false;
      out += character;
    }
    at += character.size();
  }
  return out;
}

AnswerScore ScoreAnswer(const std::string& predicted, const std::vector<std::string>& gold) {
  return Best(predicted, gold, /*empty_is_right=*/false);
}

AnswerScore ScoreAnswerOrNone(const std::string& predicted, const std::vector<std::string>& gold) {
  std::vector<std::string> counted;
  for (const std::string& answer : gold) {
    if (!NormalAnswer(answer).empty()) counted.push_back(answer);
  }
  if (counted.empty()) counted.emplace_back();
  return Best(predicted, counted, /*empty_is_right=*/true);
}

AnswerScore ScoreWithThreshold(const std::vector<Candidate>& questions, double threshold) {
  AnswerScore sum;
  for (const Candidate& question : questions) {
    if (question.null_score > threshold) {
      sum.exact += question.gold.empty();
      sum.f1 += question.gold.empty();
      continue;
    }
    const AnswerScore score = ScoreAnswerOrNone(question.best, question.gold);
    sum.exact += score.exact;
    sum.f1 += score.f1;
  }
  const auto count = static_cast<double>(std::max<size_t>(questions.size(), 1));
  return {sum.exact / count, sum.f1 / count};
}

BestThreshold FindBestThreshold(const std::vector<Candidate>& questions, bool by_exact) {
  std::vector<size_t> order(questions.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return questions[i].null_score; });
  double score = 0;
  for (const Candidate& question : questions) score += question.gold.empty();
  BestThreshold best{order.empty() ? 0 : questions[order[0]].null_score - 1, score};
  for (const size_t i : order) {
    const Candidate& question = questions[i];
    if (question.gold.empty()) {
      score -= !question.best.empty();
    } else {
      const AnswerScore answered = ScoreAnswerOrNone(question.best, question.gold);
      score += by_exact ? answered.exact : answered.f1;
    }
    if (score > best.score) best = {question.null_score, score};
  }
  best.score /= static_cast<double>(std::max<size_t>(questions.size(), 1));
  return best;
}

}  // namespace sparsweep
