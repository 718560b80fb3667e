// "Did you mean": the valid name nearest to one that is not. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sparsweep {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
int EditDistance(std::string_view a, std::string_view b);

// The candidate at the smallest distance, the first of equals; nothing if all are too far away to
// be a slip (more than a third of the letters, at least one).
std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& candidates);

// The end of a sentence about an unknown name: `; did you mean "window"?`, or where none is near
// `; known: dense, self, window` (nothing at all without candidates).
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace sparsweep
