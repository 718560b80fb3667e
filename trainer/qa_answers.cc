#include "trainer/qa_answers.h"

#include <algorithm>
#include <numeric>

#include "trainer/squad_metrics.h"

namespace sparsweep {
namespace {

// The places of the highest values, highest first, the earlier of two equal ones first.
std::vector<int> Highest(const float* values, int count) {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  const int kept = std::min(count, kBestOfWindow);
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), [&](int a, int b) {
    return values[a] > values[b] || (values[a] == values[b] && a < b);
  });
  order.resize(kept);
  return order;
}

}  // namespace

AnswerFinder::AnswerFinder(const QaSplit& split) : split_(split), found_(split.questions.size()) {}

void AnswerFinder::Add(int64_t number, const float* starts, const float* ends, int length) {
  const QaWindow& window = split_.windows[number];
  Found& found = found_[window.question];
  const float none = starts[0] + ends[0];
  if (!found.null || none < found.null->first ||
      (none == found.null->first && number < found.null->second)) {
    found.null.emplace(none, number);
  }
  const int context = static_cast<int>(window.bytes.size());
  const auto inside = [&](int token) {
    return token >= window.first && token < window.first + context;
  };
  std::vector<Span> spans;
  const std::vector<int> best_ends = Highest(ends, length);
  for (const int start : Highest(starts, length)) {
    for (const int end : best_ends) {
      if (!inside(start) || !inside(end) || end < start || end - start + 1 > kLongestAnswer) {
        continue;
      }
      spans.push_back({number, static_cast<int>(spans.size()), starts[start], ends[end],
                       window.bytes[start - window.first].first,
                       window.bytes[end - window.first].second});
    }
  }
  // No more than the best of one window can be among the best of all.
  std::ranges::stable_sort(spans, std::ranges::greater(), &Span::score);
  if (spans.size() > kBestOfWindow) spans.resize(kBestOfWindow);
  found.spans.insert(found.spans.end(), spans.begin(), spans.end());
}

FoundAnswer AnswerFinder::Answer(int64_t question) const {
  const Found& found = found_[question];
  const std::string& context = *split_.questions[question].context;
  const Span* best = nullptr;
  for (const Span& span : found.spans) {
    if (span.stop <= span.begin) continue;  // an answer without text is "no answer"
    const auto before = [](const Span& a, const Span& b) {
      if (a.score() != b.score()) return a.score() > b.score();
      return std::pair(a.window, a.rank) < std::pair(b.window, b.rank);
    };
    if (best == nullptr || before(span, *best)) best = &span;
  }
  const float none = found.null ? found.null->first : 0;
  if (best == nullptr) return {"empty", none};
  return {context.substr(best->begin, best->stop - best->begin), (none - best->start) - best->end};
}

std::map<std::string, double> ScoreQuestions(const QaSplit& split, const AnswerFinder& finder,
                                             std::optional<double> null_threshold, bool by_exact) {
  std::vector<Candidate> candidates;
  AnswerScore sum;
  for (size_t i = 0; i < split.questions.size(); ++i) {
    FoundAnswer answer = finder.Answer(static_cast<int64_t>(i));
    const std::vector<std::string>& gold = split.questions[i].answers;
    if (split.may_have_none) {
      candidates.push_back({std::move(answer.text), answer.null_score, gold});
    } else {
      const AnswerScore score = ScoreAnswer(answer.text, gold);
      sum.exact += score.exact;
      sum.f1 += score.f1;
    }
  }
  if (!split.may_have_none) {
    const auto count = static_cast<double>(std::max<size_t>(split.questions.size(), 1));
    return {{"exact_match", sum.exact / count}, {"f1", sum.f1 / count}};
  }
  const double threshold =
      null_threshold ? *null_threshold : FindBestThreshold(candidates, by_exact).threshold;
  const AnswerScore score = ScoreWithThreshold(candidates, threshold);
  return {{"exact_match", score.exact}, {"f1", score.f1}, {"null_threshold", threshold}};
}

}  // namespace sparsweep
