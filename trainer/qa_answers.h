// From the start and end logits of a question's windows to its answer: n-best over all windows, as
// the reference implementation of question answering in transformers does it (20 best starts and
// ends of each window, at most 30 tokens). One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainer/qa_windows.h"

namespace sparsweep {

inline constexpr int kBestOfWindow = 20;
inline constexpr int kLongestAnswer = 30;  // tokens

struct FoundAnswer {
  std::string text;       // the best one that is not empty; "empty" where there is none at all
  double null_score = 0;  // of "no answer" minus that of the answer
};

// Gathers the windows of a split in any order.
class AnswerFinder {
 public:
  explicit AnswerFinder(const QaSplit& split);

  // The logits of window number `window`: `length` starts, then as many ends.
  void Add(int64_t window, const float* starts, const float* ends, int length);
  // Of question number `question`, when all its windows were added.
  FoundAnswer Answer(int64_t question) const;

 private:
  struct Span {
    int64_t window;
    int rank;  // among those of its window, to order equal scores
    float start, end;
    uint32_t begin, stop;  // bytes of the context
    float score() const { return start + end; }
  };
  struct Found {
    std::vector<Span> spans;
    std::optional<std::pair<float, int64_t>>
        null;  // the lowest score of the first token, its window
  };

  const QaSplit& split_;
  std::vector<Found> found_;  // by question
};

// exact_match and f1 over the questions of a split, and `null_threshold` where questions may have
// no answer: the one given, or the best by f1 or exact match.
std::map<std::string, double> ScoreQuestions(const QaSplit& split, const AnswerFinder& finder,
                                             std::optional<double> null_threshold, bool by_exact);

}  // namespace sparsweep
