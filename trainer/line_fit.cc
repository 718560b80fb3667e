#include "trainer/line_fit.h"

namespace sparsweep {

std::optional<Line> FitLine(const std::vector<std::pair<double, double>>& points) {
  const double n = static_cast<double>(points.size());
  double mean_x = 0, mean_y = 0;
  for (auto [x, y] : points) {
    mean_x += x / n;
    mean_y += y / n;
  }
  double xx = 0, xy = 0, yy = 0;
  for (auto [x, y] : points) {
    xx += (x - mean_x) * (x - mean_x);
    xy += (x - mean_x) * (y - mean_y);
    yy += (y - mean_y) * (y - mean_y);
  }
  if (xx == 0) return std::nullopt;
  Line line{.intercept = mean_y - xy / xx * mean_x, .slope = xy / xx};
  if (yy > 0) line.r2 = xy * xy / (xx * yy);
  return line;
}

}  // namespace sparsweep
