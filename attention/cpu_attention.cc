#include "attention/cpu_attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "attention/kernels.h"
#include "attention/strips.h"

namespace sparsweep {
namespace {

// Up to this many probabilities of a pair are saved; measured with bench/attention.
constexpr int64_t kKeptElements = 128 * 144;
// Parts with more tokens are copied, so that a token's numbers lie beside its neighbour's.
constexpr int kInPlace = 64;

void Widen(const float* from, int d, float* to) { std::memcpy(to, from, d * sizeof(float)); }
void Widen(const c10::BFloat16* from, int d, float* to) {
  for (int c = 0; c < d; ++c) to[c] = std::bit_cast<float>(uint32_t{from[c].x} << 16);
}
void Narrow(const float* from, int d, float* to) { std::memcpy(to, from, d * sizeof(float)); }
void Narrow(const float* from, int d, c10::BFloat16* to) {
  for (int c = 0; c < d; ++c) {  // to nearest, ties to even; a NaN stays one
    const uint32_t bits = std::bit_cast<uint32_t>(from[c]);
    const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    to[c].x = static_cast<uint16_t>(from[c] == from[c] ? rounded : 0x7FC0);
  }
}

// Scratch memory of one thread, handed out from the front for every part anew.
class Arena {
 public:
  explicit Arena(int64_t size)
      : memory_(static_cast<float*>(::operator new(size * sizeof(float), kAlignment))) {}
  ~Arena() { ::operator delete(memory_, kAlignment); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void Clear() { used_ = 0; }
  float* Take(int64_t size) {
    float* taken = memory_ + used_;
    used_ += Round(size);
    return taken;
  }
  static int64_t Round(int64_t size) { return (size + 15) / 16 * 16; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  float* memory_;
  int64_t used_ = 0;
};

// The tokens of a part within a tensor of T, one head.
template <typename T>
struct View {
  T* at;
  int64_t stride;  // between tokens of the part
};

template <typename T>
constexpr bool kIsFloat = std::is_same_v<T, float>;

// Rows as the strips read them: in place where they may be, else copied.
template <typename T>
Rows Read(View<const T> from, int count, int d, Arena* arena) {
  if constexpr (kIsFloat<T>) {
    if (count <= kInPlace) return {from.at, from.stride};
  }
  float* to = arena->Take(int64_t{count} * d);
  for (int t = 0; t < count; ++t) Widen(from.at + t * from.stride, d, to + int64_t{t} * d);
  return {to, d};
}

// Rows as the strips write them, and their way into the tensor.
template <typename T>
OutRows Write(View<T> to, int count, int d, Arena* arena) {
  if constexpr (kIsFloat<T>) {
    if (count <= kInPlace) return {to.at, to.stride};
  }
  return {arena->Take(int64_t{count} * d), d};
}
template <typename T>
void Finish(OutRows rows, View<T> to, int count, int d) {
  if constexpr (kIsFloat<T>) {
    if (rows.at == to.at) return;
  }
  for (int t = 0; t < count; ++t) Narrow(rows.at + t * rows.stride, d, to.at + t * to.stride);
}

Turned Turn(Rows from, int count, int d, Arena* arena) {
  const int64_t stride = TurnedStride(count);
  float* to = arena->Take(d * stride);
  sparsweep::Turn(count, d, from, to, stride);
  return {to, stride};
}

// Numbers that any pair of the batch takes from an arena, forward or backward.
int64_t ArenaSize(const AttentionShape& s) {
  const int64_t rows = Arena::Round(int64_t{s.padded} * s.head_size);
  int64_t work = 0;
  const Tiles* last = nullptr;
  for (const auto& tiles : s.tiles) {
    if (tiles.get() == last) continue;
    last = tiles.get();
    work = std::max(work, PartWork::Scratch(*tiles, s.head_size));
  }
  return Arena::Round(work) + 8 * rows + 2 * s.head_size * TurnedStride(s.padded) +
         4 * TurnedStride(s.padded);
}

int64_t SavedNumbers(const Tiles& tiles) {
  if (KeepsProbabilities(tiles)) return tiles.elements;
  int64_t total = 0;
  for (const Tiles::Part& part : tiles.parts) total += part.count + 16;
  return total;
}

template <typename T>
void ZeroPadding(T* at, int64_t stride, int from, int to, int d) {
  for (int i = from; i < to; ++i) std::memset(static_cast<void*>(at + i * stride), 0, d * sizeof(T));
}

}  // namespace

bool KeepsProbabilities(const Tiles& tiles) { return tiles.elements <= kKeptElements; }

std::vector<int64_t> AttentionShape::Offsets() const {
  std::vector<int64_t> offsets = {0};
  offsets.reserve(tiles.size() + 1);
  for (const auto& one : tiles) {
    offsets.push_back(offsets.back() + Arena::Round(SavedNumbers(*one)));
  }
  return offsets;
}

template <typename T>
void CpuAttentionForward(const AttentionShape& s, const T* qkv, const DropoutStream& dropout,
                         T* out, float* saved) {
  const int64_t stride = 3 * s.hidden(), arena_size = ArenaSize(s);
  const std::vector<int64_t> offsets = s.Offsets();
  const int d = s.head_size;
  at::parallel_for(0, s.pairs(), 1, [&](int64_t first, int64_t end) {
    Arena arena(arena_size);
    for (int64_t pair = first; pair < end; ++pair) {
      const int b = static_cast<int>(pair / s.heads), h = static_cast<int>(pair % s.heads);
      const Tiles& tiles = *s.tiles[pair];
      const T* q = qkv + b * s.padded * stride + h * d;
      T* to = out + static_cast<int64_t>(b) * s.padded * s.hidden() + h * d;
      float* numbers = saved + offsets[pair];
      for (const Tiles::Part& part : tiles.parts) {
        arena.Clear();
        auto view = [&](int which) {
          return View<const T>{q + which * s.hidden() + part.first * stride, stride * part.step};
        };
        const View<T> place{to + int64_t{part.first} * s.hidden(), int64_t{s.hidden()} * part.step};
        PartWork work{&tiles, &part, d, &dropout, static_cast<uint32_t>(pair), nullptr};
        work.scratch = arena.Take(PartWork::Scratch(tiles, d));
        const Rows queries = Read(view(0), part.count, d, &arena);
        const Turned keys = Turn(Read(view(1), part.count, d, &arena), part.count, d, &arena);
        const Rows values = Read(view(2), part.count, d, &arena);
        const OutRows rows = Write(place, part.count, d, &arena);
        if (KeepsProbabilities(tiles)) {
          ForwardKept(work, queries, keys, values, numbers, rows);
          numbers += part.by_query.elements;
        } else {
          ForwardLean(work, queries, keys, values, numbers, rows);
          numbers += part.count + 16;
        }
        Finish(rows, place, part.count, d);
      }
      ZeroPadding(to, s.hidden(), tiles.length, s.padded, d);
    }
  });
}

template <typename T>
void CpuAttentionBackward(const AttentionShape& s, const T* qkv, const T* out, const float* saved,
                          const T* d_out, const DropoutStream& dropout, T* d_qkv) {
  const int64_t stride = 3 * s.hidden(), arena_size = ArenaSize(s);
  const std::vector<int64_t> offsets = s.Offsets();
  const int d = s.head_size;
  at::parallel_for(0, s.pairs(), 1, [&](int64_t first, int64_t end) {
    Arena arena(arena_size);
    for (int64_t pair = first; pair < end; ++pair) {
      const int b = static_cast<int>(pair / s.heads), h = static_cast<int>(pair % s.heads);
      const Tiles& tiles = *s.tiles[pair];
      const int64_t at = b * s.padded * stride + h * d;
      const int64_t at_out = static_cast<int64_t>(b) * s.padded * s.hidden() + h * d;
      const float* numbers = saved + offsets[pair];
      for (const Tiles::Part& part : tiles.parts) {
        arena.Clear();
        const int n = part.count;
        const int64_t begin = at + part.first * stride, step = stride * part.step;
        const int64_t begin_out = at_out + int64_t{part.first} * s.hidden();
        const int64_t step_out = int64_t{s.hidden()} * part.step;
        auto view = [&](int which) {
          return View<const T>{qkv + begin + which * s.hidden(), step};
        };
        auto place = [&](int which) { return View<T>{d_qkv + begin + which * s.hidden(), step}; };
        PartWork work{&tiles, &part, d, &dropout, static_cast<uint32_t>(pair), nullptr};
        work.scratch = arena.Take(PartWork::Scratch(tiles, d));
        const Rows q = Read(view(0), n, d, &arena), k = Read(view(1), n, d, &arena),
                   v = Read(view(2), n, d, &arena);
        const Rows grads = Read(View<const T>{d_out + begin_out, step_out}, n, d, &arena);
        const OutRows d_q = Write(place(0), n, d, &arena), d_k = Write(place(1), n, d, &arena),
                      d_v = Write(place(2), n, d, &arena);
        if (KeepsProbabilities(tiles)) {
          BackwardKept(work, q, k, Turn(v, n, d, &arena), grads, numbers, d_q, d_k, d_v);
          numbers += part.by_query.elements;
        } else {
          float* dots = arena.Take(n + 16);
          float* row = arena.Take(d);
          for (int i = 0; i < n; ++i) {
            Widen(out + begin_out + i * step_out, d, row);
            float dot = 0;
            for (int c = 0; c < d; ++c) dot += row[c] * grads.at[i * grads.stride + c];
            dots[i] = dot;
          }
          std::fill_n(dots + n, 16, 0.0f);
          BackwardLean(work, q, Turn(q, n, d, &arena), k, v, grads, Turn(grads, n, d, &arena),
                       numbers, dots, d_q, d_k, d_v);
          numbers += n + 16;
        }
        Finish(d_q, place(0), n, d);
        Finish(d_k, place(1), n, d);
        Finish(d_v, place(2), n, d);
      }
      for (int which = 0; which < 3; ++which) {
        ZeroPadding(d_qkv + at + which * s.hidden(), stride, tiles.length, s.padded, d);
      }
    }
  });
}

template void CpuAttentionForward(const AttentionShape&, const float*, const DropoutStream&, float*,
                                  float*);
template void CpuAttentionForward(const AttentionShape&, const c10::BFloat16*, const DropoutStream&,
                                  c10::BFloat16*, float*);
template void CpuAttentionBackward(const AttentionShape&, const float*, const float*, const float*,
                                   const float*, const DropoutStream&, float*);
template void CpuAttentionBackward(const AttentionShape&, const c10::BFloat16*,
                                   const c10::BFloat16*, const float*, const c10::BFloat16*,
                                   const DropoutStream&, c10::BFloat16*);

}  // namespace sparsweep
