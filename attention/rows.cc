#include "attention/rows.h"

#include "attention/kernels.h"

namespace sparsweep {
namespace {

SPARSWEEP_CLONES void TurnClone(int count, int d, Rows from, float* to, int64_t stride) {
  for (int k = 0; k < d; ++k) {
    for (int64_t j = count; j < stride; ++j) to[k * stride + j] = 0;
  }
  for (int j = 0; j < count; ++j) {
    for (int k = 0; k < d; ++k) to[k * stride + j] = from.at[j * from.stride + k];
  }
}

}  // namespace

void Turn(int count, int d, Rows from, float* to, int64_t stride) {
  TurnClone(count, d, from, to, stride);
}

}  // namespace sparsweep
