// See nearest.h.
#include "core/nearest.h"

#include <algorithm>
#include <numeric>

namespace sparsweep {

int EditDistance(std::string_view a, std::string_view b) {
  const size_t width = b.size() + 1;
  // Three rows of the usual table: two back, one back, current.
  std::vector<int> before(width), previous(width), current(width);
  std::iota(previous.begin(), previous.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[b.size()];
}

std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& candidates) {
  if (name.size() > 100) return std::nullopt;  // no slip of a name, and the table is quadratic
  std::optional<std::string> nearest;
  int smallest = 0;
  for (const std::string& candidate : candidates) {
    const int distance = EditDistance(name, candidate);
    const size_t longer = std::max(name.size(), candidate.size());
    if (distance > static_cast<int>(std::max<size_t>(1, longer / 3))) continue;
    if (distance >= static_cast<int>(longer)) continue;  // nothing in common
    if (!nearest || distance < smallest) {
      nearest = candidate;
      smallest = distance;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  if (const auto nearest = NearestName(name, candidates)) {
    return "; did you mean \"" + *nearest + "\"?";
  }
  std::string known;
  for (const std::string& candidate : candidates) known += (known.empty() ? "" : ", ") + candidate;
  return known.empty() ? "" : "; known: " + known;
}

}  // namespace sparsweep
