// Exact match and F1 of answers as the official evaluation scripts of SQuAD 1.1, SQuAD 2.0 and MRQA
// compute them, quirks included. Shares of 1 where the scripts print percent. Any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sparsweep {

// Lower case, without ASCII punctuation and the articles a, an, the, white space made one blank.
std::string NormalAnswer(const std::string& text);

struct AnswerScore {
  double exact = 0, f1 = 0;
  bool operator==(const AnswerScore&) const = default;
};

// The best over the gold answers. SQuAD 1.1 and MRQA: two empty texts have F1 0 and match exactly.
AnswerScore ScoreAnswer(const std::string& predicted, const std::vector<std::string>& gold);
// SQuAD 2.0: two empty texts have F1 1. Gold answers that normalise to nothing do not count; where
// no other is left the question has no answer.
AnswerScore ScoreAnswerOrNone(const std::string& predicted, const std::vector<std::string>& gold);

// One question that may have no answer: what was found, and how much likelier than that it is
// that there is none.
struct Candidate {
  std::string best;  // the best answer that is not empty
  double null_score = 0;
  std::vector<std::string> gold;  // empty: the question has no answer
};
// Predictions with "no answer" where the null score is above `threshold`.
AnswerScore ScoreWithThreshold(const std::vector<Candidate>& questions, double threshold);
// As find_best_thresh of the script for SQuAD 2.0: the null score that does best. Where none does
// better than to answer nothing the script says 0, at which that score is not reached; here it is a
// number below all null scores.
struct BestThreshold {
  double threshold = 0, score = 0;
};
BestThreshold FindBestThreshold(const std::vector<Candidate>& questions, bool by_exact);

}  // namespace sparsweep
