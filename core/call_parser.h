// One pattern with its arguments, NAME or NAME(arg, ..), checked against the table of patterns
// (core/pattern_table.h). One thread.
#pragma once

#include "core/pattern.h"
#include "core/pattern_table.h"
#include "core/token_cursor.h"

namespace sparsweep {

// The cursor stands on the name of `rule`; it is left behind the call. False if the cursor was told
// to fail.
bool ParseCall(TokenCursor& cursor, const PatternRule& rule, const PlanContext& context,
               Pattern* pattern);

}  // namespace sparsweep
