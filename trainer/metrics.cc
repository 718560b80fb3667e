#include "trainer/metrics.h"

#include <cmath>

namespace sparsweep {
namespace {

struct Totals {
  std::vector<double> truth, guess;
  double right = 0, all = 0;
};

Totals Sum(const Confusion& counts) {
  Totals totals{std::vector<double>(counts.size()), std::vector<double>(counts.size())};
  for (size_t truth = 0; truth < counts.size(); ++truth) {
    for (size_t guess = 0; guess < counts.size(); ++guess) {
      double n = static_cast<double>(counts[truth][guess]);
      totals.truth[truth] += n;
      totals.guess[guess] += n;
      totals.all += n;
      if (truth == guess) totals.right += n;
    }
  }
  return totals;
}

}  // namespace

double Accuracy(const Confusion& counts) {
  Totals totals = Sum(counts);
  return totals.all > 0 ? totals.right / totals.all : 0;
}

double F1(const Confusion& counts) {
  Totals totals = Sum(counts);
  auto of = [&](size_t c) {
    double hits = static_cast<double>(counts[c][c]);
    return hits > 0 ? 2 * hits / (totals.truth[c] + totals.guess[c]) : 0.0;
  };
  if (counts.size() == 2) return of(1);
  double sum = 0;
  for (size_t c = 0; c < counts.size(); ++c) sum += of(c);
  return counts.empty() ? 0 : sum / static_cast<double>(counts.size());
}

double Matthews(const Confusion& counts) {
  Totals totals = Sum(counts);
  double both = 0, truths = 0, guesses = 0;
  for (size_t c = 0; c < counts.size(); ++c) {
    both += totals.truth[c] * totals.guess[c];
    truths += totals.truth[c] * totals.truth[c];
    guesses += totals.guess[c] * totals.guess[c];
  }
  const double square = totals.all * totals.all;
  const double scale = std::sqrt((square - truths) * (square - guesses));
  return scale > 0 ? (totals.right * totals.all - both) / scale : 0;
}

}  // namespace sparsweep
