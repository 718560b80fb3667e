#include "attention/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "attention/kernels.h"
#include "core/philox.h"

namespace sparsweep {
namespace {

constexpr int kLanes = 16;          // blocks made side by side
constexpr int kGroup = kLanes * 8;  // elements of that many blocks

struct Counter {
  uint32_t item, tag, step;
  uint32_t key0, key1;
};

// Ten rounds on kLanes counters that differ in their first word by `step`.
SPARSWEEP_INLINE void PhiloxLanes(const Counter& c, uint32_t first_block, uint32_t step,
                                  uint32_t out[4][kLanes]) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    c0[i] = first_block + i * step;
    c1[i] = c.item;
    c2[i] = c.tag;
    c3[i] = c.step;
  }
  uint32_t k0 = c.key0, k1 = c.key1;
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int i = 0; i < kLanes; ++i) {
      uint64_t p0 = uint64_t{0xD2511F53} * c0[i];
      uint64_t p1 = uint64_t{0xCD9E8D57} * c2[i];
      uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<uint32_t>(p1);
      c3[i] = static_cast<uint32_t>(p0);
      c0[i] = n0;
      c2[i] = n2;
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (int i = 0; i < kLanes; ++i) {
    out[0][i] = c0[i];
    out[1][i] = c1[i];
    out[2][i] = c2[i];
    out[3][i] = c3[i];
  }
}

SPARSWEEP_CLONES void FillGroups(const Counter& c, uint32_t threshold, int64_t first, int64_t end,
                                 uint8_t* keep) {
  uint32_t words[4][kLanes];
  for (int64_t group = first; group < end; ++group) {
    PhiloxLanes(c, static_cast<uint32_t>(group * kLanes), 1, words);
    uint8_t* to = keep + group * kGroup;
    for (int half = 0; half < 8; ++half) {
      const uint32_t* word = words[half / 2];
      int shift = (half & 1) * 16;
#pragma omp simd
      for (int i = 0; i < kLanes; ++i)
        to[half * kLanes + i] = ((word[i] >> shift) & 0xFFFF) >= threshold;
    }
  }
}

// FillKeepTile; keep has room for whole vectors of kLanes columns.
SPARSWEEP_CLONES void FillTile(const Counter& c, uint32_t threshold, int n, int row, int row_step,
                               int rows, int column, int column_step, int cols, uint64_t* keep) {
  uint32_t words[4][kLanes];
  for (int lane = 0; lane < cols; lane += kLanes) {
    uint32_t low[kLanes] = {}, high[kLanes] = {};
    int64_t patch = -1;
    for (int r = 0; r < rows; ++r) {
      const int i = row + r * row_step;
      if (i / 8 != patch) {
        patch = i / 8;
        PhiloxLanes(c, static_cast<uint32_t>(patch * n + column + int64_t{lane} * column_step),
                    static_cast<uint32_t>(column_step), words);
      }
      const uint32_t* word = words[i % 8 / 2];
      const int shift = i % 2 * 16, place = r % 32;
      uint32_t* to = r < 32 ? low : high;
#pragma omp simd
      for (int l = 0; l < kLanes; ++l) {
        to[l] |= static_cast<uint32_t>(((word[l] >> shift) & 0xFFFF) >= threshold) << place;
      }
    }
#pragma omp simd
    for (int l = 0; l < kLanes; ++l) keep[lane + l] = uint64_t{high[l]} << 32 | low[l];
  }
}

uint32_t Tag(const DropoutStream& s) {
  return static_cast<uint32_t>(StreamPurpose::kDropout) << 24 |
         static_cast<uint32_t>(s.site) << 16 | s.layer;
}

}  // namespace

uint32_t DropoutStream::Threshold(double p) {
  return static_cast<uint32_t>(std::lround(p * 65536));
}

void FillKeep(const DropoutStream& stream, uint32_t item, int64_t count, uint8_t* keep) {
  Counter c{item, Tag(stream), stream.step, static_cast<uint32_t>(stream.seed),
            static_cast<uint32_t>(stream.seed >> 32)};
  int64_t whole = count / kGroup;
  at::parallel_for(0, whole, 64, [&](int64_t first, int64_t end) {
    FillGroups(c, stream.threshold, first, end, keep);
  });
  if (count % kGroup != 0) {
    uint8_t last[kGroup];
    FillGroups(c, stream.threshold, whole, whole + 1, last - whole * kGroup);
    std::memcpy(keep + whole * kGroup, last, count % kGroup);
  }
}

void FillKeepTile(const DropoutStream& stream, uint32_t item, int n, int row, int row_step,
                  int rows, int column, int column_step, int cols, uint64_t* keep) {
  Counter c{item, Tag(stream), stream.step, static_cast<uint32_t>(stream.seed),
            static_cast<uint32_t>(stream.seed >> 32)};
  FillTile(c, stream.threshold, n, row, row_step, rows, column, column_step, cols, keep);
}

void FillKeepMatrix(const DropoutStream& stream, uint32_t item, int n, int64_t stride,
                    uint8_t* keep) {
  uint64_t words[64];
  for (int row = 0; row < n; row += 64) {
    const int rows = std::min(64, n - row);
    for (int column = 0; column < n; column += 64) {
      const int cols = std::min(64, n - column);
      FillKeepTile(stream, item, n, row, 1, rows, column, 1, cols, words);
      for (int r = 0; r < rows; ++r) {
        uint8_t* to = keep + (row + r) * stride + column;
        for (int l = 0; l < cols; ++l) to[l] = (words[l] >> r) & 1;
      }
    }
  }
}

at::Tensor PortableKeep(const DropoutStream& stream, const at::Tensor& items,
                        const at::Tensor& lengths, const std::vector<int64_t>& rows,
                        const std::vector<int64_t>& columns) {
  constexpr int64_t kLow = 0xFFFFFFFF;
  const auto options = items.options();
  std::vector<int64_t> patches, patch_of_row, half_of_row;
  for (int64_t i : rows) {
    if (patches.empty() || patches.back() != i / 8) patches.push_back(i / 8);
    patch_of_row.push_back(static_cast<int64_t>(patches.size()) - 1);
    half_of_row.push_back(i % 8);
  }
  auto tensor = [&](const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong).to(options.device());
  };
  at::Tensor c0 = at::bitwise_and(
      tensor(patches).view({1, 1, -1, 1}) * lengths.view({-1, 1, 1, 1}) + tensor(columns), kLow);
  at::Tensor c1 = items.view({items.size(0), items.size(1), 1, 1});
  at::Tensor c2 = at::full({1, 1, 1, 1}, static_cast<int64_t>(Tag(stream)), options);
  at::Tensor c3 = at::full({1, 1, 1, 1}, static_cast<int64_t>(stream.step), options);
  int64_t k0 = static_cast<uint32_t>(stream.seed), k1 = static_cast<uint32_t>(stream.seed >> 32);
  auto high = [&](const at::Tensor& x) {
    return at::bitwise_and(at::bitwise_right_shift(x, 32), kLow);
  };
  for (int round = 0; round < 10; ++round) {
    at::Tensor p0 = c0 * int64_t{0xD2511F53}, p1 = c2 * int64_t{0xCD9E8D57};  // modulo 2^64
    at::Tensor n0 = at::bitwise_xor(at::bitwise_xor(high(p1), c1), k0);
    at::Tensor n2 = at::bitwise_xor(at::bitwise_xor(high(p0), c3), k1);
    c1 = at::bitwise_and(p1, kLow);
    c3 = at::bitwise_and(p0, kLow);
    c0 = n0;
    c2 = n2;
    k0 = (k0 + 0x9E3779B9) & kLow;
    k1 = (k1 + 0xBB67AE85) & kLow;
  }
  at::Tensor words = at::stack(at::broadcast_tensors({c0, c1, c2, c3}), 2)  // [E, H, 4, P, C]
                         .flatten(2, 3);
  const int64_t count = static_cast<int64_t>(patches.size());
  std::vector<int64_t> place, shift;
  for (size_t r = 0; r < rows.size(); ++r) {
    place.push_back(half_of_row[r] / 2 * count + patch_of_row[r]);
    shift.push_back(half_of_row[r] % 2 * 16);
  }
  at::Tensor drawn = at::bitwise_right_shift(words.index_select(2, tensor(place)),
                                             tensor(shift).view({1, 1, -1, 1}));
  return at::bitwise_and(drawn, 0xFFFF).ge(static_cast<int64_t>(stream.threshold));
}

at::Tensor PortableDropout(const at::Tensor& x, const DropoutStream& stream) {
  if (!stream.active()) return x;
  auto words =
      Philox4x32({0, 0, Tag(stream), stream.step},
                 {static_cast<uint32_t>(stream.seed), static_cast<uint32_t>(stream.seed >> 32)});
  at::Generator generator = at::globalContext().defaultGenerator(x.device()).clone();
  generator.set_current_seed(uint64_t{words[1]} << 32 | words[0]);
  at::Tensor keep = at::empty_like(x, x.options().requires_grad(false));
  keep.bernoulli_(1.0 / stream.scale(), generator).mul_(stream.scale());
  return x * keep;
}

}  // namespace sparsweep
