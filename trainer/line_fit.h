// The line through points that leaves the least sum of squares. Pure.
#pragma once

#include <optional>
#include <utility>
#include <vector>

namespace sparsweep {

struct Line {
  double intercept = 0, slope = 0;
  double r2 = 1;  // share of the variance of y that the line explains; 1 where y does not vary
};

// Nothing for fewer than two different x.
std::optional<Line> FitLine(const std::vector<std::pair<double, double>>& points);

}  // namespace sparsweep
