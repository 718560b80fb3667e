#include "trainer/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// From 1; equal values have the mean of the ranks that they take up.
std::vector<double> Ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (size_t i = first; i < end; ++i) ranks[order[i]] = static_cast<double>(first + 1 + end) / 2;
    first = end;
  }
  return ranks;
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

double Pearson(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty()) return 0;
  const double mean_a = MeanOf(a), mean_b = MeanOf(b);
  double both = 0, squares_a = 0, squares_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    both += (a[i] - mean_a) * (b[i] - mean_b);
    squares_a += (a[i] - mean_a) * (a[i] - mean_a);
    squares_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  const double scale = std::sqrt(squares_a) * std::sqrt(squares_b);
  return scale > 0 ? both / scale : 0;
}

double Spearman(const std::vector<double>& a, const std::vector<double>& b) {
  return Pearson(Ranks(a), Ranks(b));
}

}  // namespace sparsweep
