// Which elements a dropout drops: a counter-based stream per (training seed, step, site, layer), so
// that no site's draws depend on what another site, head or attention path does, and equal seeds
// give equal drops under every pattern.
//
// Philox4x32-10 with key = training seed (low word first) and counter = (block, item, purpose*2^24
// + site*2^16 + layer, step); each block yields eight 16-bit numbers; an element is dropped where
// its number is below round(p * 65536). The survivors are scaled by the inverse of the exact share
// kept. Any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace sparsweep {

// Purposes of the trainer's random streams (contracts.md, Randomness). Numbers are part of the
// numerics version.
enum class StreamPurpose : uint32_t { kInitialWeights = 1, kOrder = 2, kDropout = 3 };

// Places in the model that drop.
enum class DropoutSite : uint32_t {
  kEmbeddings = 1,
  kAttention = 2,
  kAttentionOutput = 3,
  kOutput = 4,
  kPooled = 5
};

struct DropoutStream {
  uint64_t seed = 0;
  uint32_t step = 0;
  DropoutSite site = DropoutSite::kEmbeddings;
  uint32_t layer = 0;      // < 65536
  uint32_t threshold = 0;  // elements drawn below it are dropped; 0: no dropout

  bool active() const { return threshold > 0; }
  float scale() const { return 65536.0f / static_cast<float>(65536 - threshold); }
  static uint32_t Threshold(double p);
};

// keep[0..count) = 1 where the element survives, else 0. `item` tells apart tensors of one site,
// such as (example, head).
void FillKeep(const DropoutStream& stream, uint32_t item, int64_t count, uint8_t* keep);

// Which weights of attention survive. Entry (i, j) of an example of n tokens has its own place in
// the stream, whatever path asks for it: block (i / 8) * n + j, half i % 8.
//
// keep[c], for columns c < cols <= 64: bit r is 1 where the entry in row row + r * row_step, column
// column + c * column_step survives, r < rows <= 64. `item` is example * heads + head.
void FillKeepTile(const DropoutStream& stream, uint32_t item, int n, int row, int row_step,
                  int rows, int column, int column_step, int cols, uint64_t* keep);
// The same for all n x n entries as bytes, rows of `stride` of them (>= n; the rest is untouched).
void FillKeepMatrix(const DropoutStream& stream, uint32_t item, int n, int64_t stride,
                    uint8_t* keep);

// The same bits by LibTorch's operators, on any device: bool [E, H, rows, columns] for examples of
// lengths[e] tokens; items int64 [E, H], lengths int64 [E].
at::Tensor PortableKeep(const DropoutStream& stream, const at::Tensor& items,
                        const at::Tensor& lengths, const std::vector<int64_t>& rows,
                        const std::vector<int64_t>& columns);

// x with dropout by LibTorch's operators, for any device and differentiable; a stream of its own,
// with the same independence. Not for weights of attention.
at::Tensor PortableDropout(const at::Tensor& x, const DropoutStream& stream);

}  // namespace sparsweep
