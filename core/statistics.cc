// See statistics.h.
#include "core/statistics.h"

#include <algorithm>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/statistics/linear_regression.hpp>
#include <cmath>
#include <numeric>

namespace sparsweep {
namespace {

constexpr double kPower = 0.8;

// Overflow and non-convergence give a value and no exception: powers of 1 are close enough.
using Policy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;
using StudentT = boost::math::students_t_distribution<double, Policy>;
using NonCentralT = boost::math::non_central_t_distribution<double, Policy>;

// The smallest effect size (difference / deviation) that n pairs find with probability kPower.
double DetectableEffect(int n, double critical) {
  const auto power = [&](double effect) {
    const NonCentralT t(n - 1, effect * std::sqrt(n));
    return cdf(complement(t, critical)) + cdf(t, -critical);
  };
  double low = 0, high = 1;
  while (power(high) < kPower && high < 1e6) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (power(middle) < kPower ? low : high) = middle;
  }
  return (low + high) / 2;
}

// Positions of p in ascending order.
std::vector<size_t> Ascending(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

double Mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> SampleDeviation(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::map<uint64_t, CellSummary> Summarize(std::span<const Measurement> measurements) {
  std::map<uint64_t, std::map<uint64_t, std::vector<double>>> values;  // cell, seed
  for (const Measurement& m : measurements) values[m.cell][m.seed].push_back(m.value);
  std::map<uint64_t, CellSummary> cells;
  for (const auto& [cell, seeds] : values) {
    CellSummary& summary = cells[cell];
    std::vector<double> means;
    for (const auto& [seed, over_masks] : seeds) {
      means.push_back(summary.by_seed[seed] = Mean(over_masks));
    }
    summary.mean = Mean(means);
    summary.deviation = SampleDeviation(means);
  }
  return cells;
}

std::optional<PairedDifference> ComparePaired(const std::map<uint64_t, double>& cell,
                                              const std::map<uint64_t, double>& baseline,
                                              double confidence) {
  std::vector<double> differences;
  for (const auto& [seed, value] : cell) {
    if (const auto it = baseline.find(seed); it != baseline.end()) {
      differences.push_back(value - it->second);
    }
  }
  if (differences.empty()) return std::nullopt;
  PairedDifference result;
  result.pairs = static_cast<int>(differences.size());
  result.mean = Mean(differences);
  result.deviation = SampleDeviation(differences);
  if (result.pairs < 3) return result;

  const StudentT t(result.pairs - 1);
  const double critical = quantile(t, 1 - (1 - confidence) / 2);
  const double error = *result.deviation / std::sqrt(result.pairs);
  result.low = result.mean - critical * error;
  result.high = result.mean + critical * error;
  if (error > 0) {
    result.p = 2 * cdf(complement(t, std::abs(result.mean / error)));
  } else {
    result.p = result.mean == 0 ? 1 : 0;
  }
  result.smallest_detectable = DetectableEffect(result.pairs, critical) * *result.deviation;
  return result;
}

std::vector<double> HolmAdjusted(std::span<const double> p) {
  std::vector<double> adjusted(p.size());
  double so_far = 0;
  size_t left = p.size();
  for (const size_t i : Ascending(p)) {
    so_far = std::max(so_far, std::min(1.0, p[i] * static_cast<double>(left--)));
    adjusted[i] = so_far;
  }
  return adjusted;
}

std::vector<double> BenjaminiHochbergAdjusted(std::span<const double> p) {
  std::vector<double> adjusted(p.size());
  const std::vector<size_t> order = Ascending(p);
  double so_far = 1;
  for (size_t rank = order.size(); rank > 0; --rank) {
    const size_t i = order[rank - 1];
    so_far = std::min(so_far, p[i] * static_cast<double>(p.size()) / static_cast<double>(rank));
    adjusted[i] = so_far;
  }
  return adjusted;
}

std::vector<CellComparison> CompareCells(const std::map<uint64_t, CellSummary>& cells,
                                         const std::map<uint64_t, uint64_t>& baseline_of,
                                         double confidence) {
  std::vector<CellComparison> comparisons;
  std::vector<double> family;
  for (const auto& [cell, baseline] : baseline_of) {
    const auto own = cells.find(cell), other = cells.find(baseline);
    if (own == cells.end() || other == cells.end() || cell == baseline) continue;
    auto difference = ComparePaired(own->second.by_seed, other->second.by_seed, confidence);
    if (!difference) continue;
    if (difference->p) family.push_back(*difference->p);
    comparisons.push_back({cell, baseline, *std::move(difference), {}, {}});
  }
  const std::vector<double> holm = HolmAdjusted(family);
  const std::vector<double> discovery = BenjaminiHochbergAdjusted(family);
  size_t member = 0;
  for (CellComparison& comparison : comparisons) {
    if (!comparison.difference.p) continue;
    comparison.p_holm = holm[member];
    comparison.p_benjamini_hochberg = discovery[member++];
  }
  return comparisons;
}

std::optional<Line> FitLine(const std::vector<std::pair<double, double>>& points) {
  std::vector<double> x, y;
  bool differ = false;
  for (auto [one, other] : points) {
    x.push_back(one);
    y.push_back(other);
    differ |= one != x.front();
  }
  if (!differ) return std::nullopt;
  const auto [intercept, slope, r2] =
      boost::math::statistics::simple_ordinary_least_squares_with_R_squared(x, y);
  return Line{intercept, slope, r2};
}

}  // namespace sparsweep
