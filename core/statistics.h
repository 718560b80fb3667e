// What the numbers of a sweep can say: means over seeds, paired differences to the baseline,
// corrected p-values, and what was too small to be seen. Plain values in, plain values out.
//
// The unit of replication is the training seed: results that differ only in the mask seed are
// averaged first. Which results may be compared at all (same device, threads, numerics) is the
// caller's to decide.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sparsweep {

// One accepted result of a cell.
struct Measurement {
  uint64_t cell = 0;
  uint64_t seed = 0;
  uint64_t mask_seed = 0;  // anything where the plan draws nothing
  double value = 0;
};

double Mean(std::span<const double> values);  // of at least one value
// Sample standard deviation (n - 1); nothing for fewer than two values.
std::optional<double> SampleDeviation(std::span<const double> values);

struct CellSummary {
  std::map<uint64_t, double> by_seed;  // mean over mask seeds
  double mean = 0;                     // over seeds
  std::optional<double> deviation;     // over seeds, from two on
};
std::map<uint64_t, CellSummary> Summarize(std::span<const Measurement> measurements);

// Paired t over the seeds that both have; difference = cell - baseline.
struct PairedDifference {
  int pairs = 0;
  double mean = 0;
  std::optional<double> deviation;  // of the differences, from two pairs on
  // From three pairs on. All differences alike: the interval is a point, and p is 0, or 1 where
  // they are 0.
  std::optional<double> low, high;  // two-sided interval at `confidence`
  std::optional<double> p;          // two-sided
  // The true difference that this comparison would have found with probability 0.8 at the
  // two-sided level 1 - confidence, its deviation being the one observed (noncentral t).
  std::optional<double> smallest_detectable;
};
// Nothing without a common seed. 0 < confidence < 1.
std::optional<PairedDifference> ComparePaired(const std::map<uint64_t, double>& cell,
                                              const std::map<uint64_t, double>& baseline,
                                              double confidence = 0.95);

// p-values corrected over their family, in the order given.
std::vector<double> HolmAdjusted(std::span<const double> p);               // family-wise error
std::vector<double> BenjaminiHochbergAdjusted(std::span<const double> p);  // false discovery rate

// A cell against its baseline, corrected over all non-baseline cells of the sweep that have a p.
struct CellComparison {
  uint64_t cell = 0;
  uint64_t baseline = 0;
  PairedDifference difference;
  std::optional<double> p_holm, p_benjamini_hochberg;
};
// `baseline_of` maps each non-baseline cell of the family to its baseline; aliases stay out of it,
// they would be counted twice. Cells without a common seed are left out; order by cell.
std::vector<CellComparison> CompareCells(const std::map<uint64_t, CellSummary>& cells,
                                         const std::map<uint64_t, uint64_t>& baseline_of,
                                         double confidence = 0.95);

// The line through points that leaves the least sum of squares.
struct Line {
  double intercept = 0, slope = 0;
  double r2 = 1;  // share of the variance of y that the line explains; 1 where y does not vary
};

// Nothing for fewer than two different x.
std::optional<Line> FitLine(const std::vector<std::pair<double, double>>& points);

}  // namespace sparsweep
