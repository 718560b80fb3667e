// The canonical form of a pattern: one tree for all spellings that differ by order, nesting,
// repetition, absorption, neutral elements or trivial degrees (docs/attention-language.md).
//
// Terms are ordered by what is known about containment for every length (window(1) in window(3),
// self in whatever holds the diagonal, everything in dense), and unions and intersections are
// reduced to the canonical form of the free lattice over that order (Whitman 1941; Freese, Jezek,
// Nation, "Free Lattices", 1995). So equal canonical trees keep equal keys; the converse, which
// would take distributive laws and every length, is not promised. Pure: any thread.
#pragma once

#include "core/pattern.h"

namespace sparsweep {

// `pattern` as one head sees it: without BlockBert.
Pattern ForHead(const Pattern& pattern, int head);

// For texts of up to `max_length` tokens; `pattern` without BlockBert. Idempotent.
Pattern Canonical(const Pattern& pattern, int max_length);

}  // namespace sparsweep
