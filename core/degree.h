// The degree of a pattern at one length: as given, or chosen by density. Pure: any thread.
#pragma once

#include <cstdint>

#include "core/pattern.h"

namespace sparsweep {

// Over n >= 1 tokens. Where the degree is given as a density: that whose own density over the real
// tokens, the diagonal included, is closest, ties to the smaller. At most n where it is chosen.
int DegreeAt(const Window& pattern, int n);
int DegreeAt(const Global& pattern, int n);
int DegreeAt(const Random& pattern, int n);

// Entries that the pattern of that degree keeps over n tokens.
int64_t KeptAt(const Window& pattern, int n, int degree);
int64_t KeptAt(const Global& pattern, int n, int degree);
int64_t KeptAt(const Random& pattern, int n, int degree);

}  // namespace sparsweep
