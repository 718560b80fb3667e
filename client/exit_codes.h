// How commands end: 0 ok, 1 some trials failed or `verify` found something, 2 refused, 130
// interrupted.
#pragma once

#include "core/result.h"

namespace sparsweep {

inline constexpr int kExitOk = 0;
inline constexpr int kExitTrialsFailed = 1;
inline constexpr int kExitFindings = 1;
inline constexpr int kExitRefused = 2;
inline constexpr int kExitInterrupted = 130;

// Prints "sparsweep: message" on stderr, further refused fields below, and returns kExitRefused.
int Refuse(const Status& status);

}  // namespace sparsweep
