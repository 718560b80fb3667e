// Bytes of tensors on the CPU, counted where LibTorch allocates them: what is held now, and the most
// that was held. Not here: memory that no tensor is made of (programs, the libraries' own scratch).
// Any thread.
#pragma once

#include <cstdint>

namespace sparsweep {

// Counts from now on; tensors that exist already are not known. Repeating it does nothing.
void CountAllocations();

struct AllocatedBytes {
  int64_t current = 0, peak = 0;
};
AllocatedBytes Allocated();
// The peak starts again from what is held now.
void ResetAllocatedPeak();

}  // namespace sparsweep
