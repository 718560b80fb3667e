// Where the queries, keys and values of one (example, head) lie, and how they are turned so that
// products read them in order. Any thread.
#pragma once

#include <cstdint>

namespace sparsweep {

// Rows of head_size numbers, one per token of the part.
struct Rows {
  const float* at;
  int64_t stride;
};
struct OutRows {
  float* at;
  int64_t stride;
};
// The same turned: column t is token t. Readable for 16 columns beyond the last, all finite.
struct Turned {
  const float* at;
  int64_t stride;
};

// to[d x stride] = from[count x d] turned; columns from count to stride become 0.
void Turn(int count, int d, Rows from, float* to, int64_t stride);
inline int64_t TurnedStride(int count) { return (count + 15) / 16 * 16 + 16; }

}  // namespace sparsweep
