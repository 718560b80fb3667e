// See degree.h.
#include "core/degree.h"

#include <algorithm>

namespace sparsweep {
namespace {

// Exact: kept counts are compared with n^2 * x in units of 10^-18.
template <typename P>
int ChooseDegree(const P& pattern, const Degree& degree, int n) {
  if (const int* count = std::get_if<int>(&degree)) return *count;
  __extension__ using Wide = __int128;
  const Wide wanted = Wide{n} * n * static_cast<Wide>(std::get<Density>(degree).units);
  const auto distance = [&](int candidate) {
    const Wide difference = Wide{KeptAt(pattern, n, candidate)} * Density::kOne - wanted;
    return difference < 0 ? -difference : difference;
  };
  // Kept counts rise with the degree up to some point and then stay, so the first degree that the
  // next one does not improve on is the best.
  int best = 0;
  while (best < n && distance(best + 1) < distance(best)) ++best;
  return best;
}

}  // namespace

int64_t KeptAt(const Window& pattern, int n, int degree) {
  const int64_t d = pattern.dilation;
  const int64_t steps = std::min<int64_t>(degree, (n - 1) / d);  // distances d, 2d, .. steps * d
  return n + 2 * (steps * n - d * steps * (steps + 1) / 2);
}

int64_t KeptAt(const Global&, int n, int degree) {
  const int64_t rest = n - std::min(degree, n);
  return int64_t{n} * n - (rest == 0 ? 0 : rest * (rest - 1));
}

int64_t KeptAt(const Random&, int n, int degree) {
  return int64_t{n} * (1 + std::min(degree, n - 1));
}

int DegreeAt(const Window& pattern, int n) { return ChooseDegree(pattern, pattern.w, n); }
int DegreeAt(const Global& pattern, int n) { return ChooseDegree(pattern, pattern.g, n); }
int DegreeAt(const Random& pattern, int n) { return ChooseDegree(pattern, pattern.r, n); }

}  // namespace sparsweep
