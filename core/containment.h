// Which patterns lie within which, for every length of text: the partial order that the canonical
// form rests on (core/canonical.h). Pure: any thread.
#pragma once

#include "core/pattern.h"

namespace sparsweep {

// Whether every mask of `a` is known to lie within that of `b`; both canonical. False: not known.
// A partial order: transitive, and two patterns that lie within each other are equal.
bool IsKnownToBeWithin(const Pattern& a, const Pattern& b);

}  // namespace sparsweep
