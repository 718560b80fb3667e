#include "attention/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>

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

// Ten rounds on kLanes counters that differ in their first word.
SPARSWEEP_INLINE void PhiloxLanes(const Counter& c, uint32_t first_block, uint32_t out[4][kLanes]) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    c0[i] = first_block + i;
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
    PhiloxLanes(c, static_cast<uint32_t>(group * kLanes), words);
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
