// The arithmetic of attention over one part of one (example, head): float32, strip by strip of the
// tiles. Two ways to the same numbers: the kept way saves the probabilities for the backward pass
// (fastest while they fit in a near cache), the lean way saves one number per query and computes
// them again, by strips of keys. Not here: threads, packing and where tensors lie
// (cpu_attention.h).
#pragma once

#include <cstdint>

#include "attention/dropout.h"
#include "attention/rows.h"
#include "attention/tiles.h"

namespace sparsweep {

struct PartWork {
  const Tiles* tiles;
  const Tiles::Part* part;
  int head_size;
  const DropoutStream* dropout;
  uint32_t item;  // of the dropout stream
  float* scratch;
  // Numbers of scratch that any part of `tiles` needs, forward or backward.
  static int64_t Scratch(const Tiles& tiles, int head_size);
};

// Writes out of every token of the part. `saved`: by_query.elements probabilities before dropout, a
// dropped one with its sign bit set.
void ForwardKept(const PartWork& work, Rows q, Turned k, Rows v, float* saved, OutRows out);
// `saved` is what ForwardKept left. Writes d_q, d_k and d_v of every token.
void BackwardKept(const PartWork& work, Rows q, Rows k, Turned v, Rows d_out, const float* saved,
                  OutRows d_q, OutRows d_k, OutRows d_v);

// `log_sums` [count + 16]: log of the sum of exp(score) of each query; of an empty row the largest
// float.
void ForwardLean(const PartWork& work, Rows q, Turned k, Rows v, float* log_sums, OutRows out);
// log_sums as ForwardLean left them, dots [count + 16] the product of each query's d_out and out.
void BackwardLean(const PartWork& work, Rows q, Turned q_turned, Rows k, Rows v, Rows d_out,
                  Turned d_out_turned, const float* log_sums, const float* dots, OutRows d_q,
                  OutRows d_k, OutRows d_v);

}  // namespace sparsweep
