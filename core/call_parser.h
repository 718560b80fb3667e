// One pattern with its arguments, NAME or NAME(arg, ..), checked against the table of patterns
// (core/pattern_table.h). One thread.
#pragma once

#include "core/pattern.h"
#include "core/pattern_table.h"
#include "core/token_cursor.h"

namespace sparsweep {

// The cursor stands on the name of `rule`, which is available; it is left behind the call. False if
// the cursor was told to fail. `heads` is the model's number of heads.
bool ParseCall(TokenCursor& cursor, const PatternRule& rule, int heads, Pattern* pattern);

}  // namespace sparsweep
