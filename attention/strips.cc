#include "attention/strips.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "attention/kernels.h"
#include "attention/lanes.h"
#include "attention/matmul.h"

namespace sparsweep {
namespace {

constexpr float kNone = -std::numeric_limits<float>::max();
constexpr int kDepth = 256;    // of a product at a time: what it reads of B stays in the nearest cache
constexpr int kColumns = 256;  // that the lean backward pass computes at a time

SPARSWEEP_INLINE int Padded(int count) { return (count + 15) / 16 * 16; }

// The bits of columns [c, c + 16) of row r: which of them the entry keeps.
SPARSWEEP_INLINE uint64_t Piece(const Tiles& tiles, const Tiles::Entry& entry, int r, int c) {
  if (entry.bits >= 0) return tiles.bits[entry.bits][r] >> c;
  const int left = entry.count - c;
  return left >= 16 ? 0xFFFF : (uint64_t{1} << left) - 1;
}

// keep[chunk * 64 + r]: the bits of row r of the strip in 64 columns of the concatenated entries,
// each entry beginning a chunk.
SPARSWEEP_INLINE void FillKeepStrip(const PartWork& w, const Tiles::Strip& strip,
                                    const Tiles::Lists& lists, uint64_t* keep) {
  const Tiles::Part& part = *w.part;
  Tiles::Bits tile;
  for (int e = strip.first; e < strip.last; ++e) {
    const Tiles::Entry& entry = lists.entries[e];
    for (int c = 0; c < entry.count; c += kTile, keep += kTile) {
      const int count = std::min(kTile, entry.count - c);
      FillKeepTile(*w.dropout, w.item, w.tiles->length, part.first + strip.begin * part.step,
                   part.step, strip.count, part.first + (entry.begin + c) * part.step, part.step,
                   count, tile.data());
      tile = Transposed(tile);
      std::memcpy(keep, tile.data(), sizeof(tile));
    }
  }
}

// C (+)= A B, the depth in pieces.
template <bool kAdd>
SPARSWEEP_INLINE void DeepMultiply(int rows, int columns, int depth, const float* a, int64_t a_row,
                                   int64_t a_depth, const float* b, int64_t ldb, float* c,
                                   int64_t ldc) {
  Multiply<kAdd>(rows, columns, std::min(depth, kDepth), a, a_row, a_depth, b, ldb, c, ldc);
  for (int k = kDepth; k < depth; k += kDepth) {
    Multiply<true>(rows, columns, std::min(depth - k, kDepth), a + k * a_depth, a_row, a_depth,
                   b + k * ldb, ldb, c, ldc);
  }
}

SPARSWEEP_INLINE void Zero(int rows, int d, OutRows to) {
  for (int r = 0; r < rows; ++r) std::memset(to.at + r * to.stride, 0, d * sizeof(float));
}

// out of a strip = the weights p [count x width] times the values of its entries.
SPARSWEEP_INLINE void WeighValues(const Tiles::Strip& strip, const Tiles::Lists& lists, int d,
                                  const float* p, int64_t width, Rows v, OutRows out) {
  if (strip.first == strip.last) return Zero(strip.count, d, out);
  int at = 0;
  for (int e = strip.first; e < strip.last; ++e) {
    const Tiles::Entry& entry = lists.entries[e];
    const float* values = v.at + entry.begin * v.stride;
    if (e == strip.first) {
      DeepMultiply<false>(strip.count, d, entry.count, p, width, 1, values, v.stride, out.at,
                          out.stride);
    } else {
      DeepMultiply<true>(strip.count, d, entry.count, p + at, width, 1, values, v.stride, out.at,
                         out.stride);
    }
    at += Padded(entry.count);
  }
}

// The scores of a strip become exp(score - top of the row), 0 where nothing is kept; tops and sums
// by row (kNone and 0 for an empty one).
SPARSWEEP_INLINE void Exponentials(const PartWork& w, const Tiles::Strip& strip,
                                   const Tiles::Lists& lists, int width, float* p, float* tops,
                                   float* sums) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(w.head_size));
  for (int r = 0; r < strip.count; ++r) {
    float* row = p + static_cast<int64_t>(r) * width;
    Vec top = Vec{} + kNone;
    float* x = row;
    for (int e = strip.first; e < strip.last; ++e) {
      const Tiles::Entry& entry = lists.entries[e];
      const float* bias = entry.bias >= 0 ? &w.tiles->bias[entry.bias][r * kTile] : nullptr;
      const int whole = entry.bits < 0 && !bias ? entry.count / kWide * kWide : 0;
      for (int c = 0; c < whole; c += kWide) {
        const Vec score = Load(x + c) * scale;
        Store(x + c, score);
        top = score > top ? score : top;
      }
      for (int c = whole; c < entry.count; c += kWide) {
        Vec score = Load(x + c) * scale;
        if (bias) score += Load(bias + c);
        score = Choose(Lanes(Piece(*w.tiles, entry, r, c)), score, Vec{} + kNone);
        Store(x + c, score);
        top = score > top ? score : top;
      }
      x += Padded(entry.count);
    }
    tops[r] = Max(top);
    sums[r] = 0;
    if (tops[r] == kNone) {
      std::memset(row, 0, width * sizeof(float));
      continue;
    }
    Vec sum{};
    const Vec highest = Vec{} + tops[r];
    for (int c = 0; c < width; c += kWide) {
      const Vec value = Exp(Load(row + c) - highest);
      Store(row + c, value);
      sum += value;
    }
    sums[r] = Sum(sum);
  }
}

SPARSWEEP_INLINE int Scores(const Tiles::Strip& strip, const Tiles::Lists& lists, int d, int width,
                            Rows q, Turned k, float* p) {
  int at = 0;
  for (int e = strip.first; e < strip.last; ++e) {
    const Tiles::Entry& entry = lists.entries[e];
    Multiply(strip.count, Padded(entry.count), d, q.at + strip.begin * q.stride, q.stride, 1,
             k.at + entry.begin, k.stride, p + at, width);
    at += Padded(entry.count);
  }
  return at;
}

SPARSWEEP_INLINE int Width(const Tiles::Strip& strip, const Tiles::Lists& lists) {
  int width = 0;
  for (int e = strip.first; e < strip.last; ++e) width += Padded(lists.entries[e].count);
  return width;
}

// scratch: [kTile x widest] numbers, then the keep words.
SPARSWEEP_CLONES void ForwardKeptClone(const PartWork& w, Rows q, Turned k, Rows v, float* saved,
                                       OutRows out) {
  const Tiles::Lists& lists = w.part->by_query;
  const bool drops = w.dropout->active();
  float* dropped = w.scratch;
  auto* keep = reinterpret_cast<uint64_t*>(dropped + int64_t{kTile} * lists.widest);
  float tops[kTile], sums[kTile];
  for (const Tiles::Strip& strip : lists.strips) {
    const int width = Width(strip, lists);
    Scores(strip, lists, w.head_size, width, q, k, saved);
    Exponentials(w, strip, lists, width, saved, tops, sums);
    if (drops) FillKeepStrip(w, strip, lists, keep);
    const float keep_scale = w.dropout->scale();
    for (int r = 0; r < strip.count; ++r) {
      const float inverse = sums[r] > 0 ? 1 / sums[r] : 0;
      float* row = saved + static_cast<int64_t>(r) * width;
      if (!drops) {
        for (int c = 0; c < width; c += kWide) Store(row + c, Load(row + c) * inverse);
        continue;
      }
      float* to = dropped + static_cast<int64_t>(r) * width;
      const uint64_t* words = keep + r;
      for (int e = strip.first; e < strip.last; ++e) {
        const int count = lists.entries[e].count;
        for (int c = 0; c < count; c += kWide, row += kWide, to += kWide) {
          const Ints kept = Lanes(words[c / kTile * kTile] >> (c % kTile));
          const Vec p = Load(row) * inverse;
          Store(row, Choose(kept, p, -p));
          Store(to, Choose(kept, p * keep_scale, Vec{}));
        }
        words += (count + kTile - 1) / kTile * kTile;
      }
    }
    WeighValues(strip, lists, w.head_size, drops ? dropped : saved, width, v,
                {out.at + strip.begin * out.stride, out.stride});
    saved += static_cast<int64_t>(strip.count) * width;
  }
}

// Whether the one strip of a part meets every token, so that sums over strips are plain products.
SPARSWEEP_INLINE bool OneProduct(const Tiles::Part& part) {
  const Tiles::Lists& lists = part.by_query;
  return lists.strips.size() == 1 && lists.entries.size() == 1 &&
         lists.entries[0].count == part.count;
}

SPARSWEEP_CLONES void BackwardKeptClone(const PartWork& w, Rows q, Rows k, Turned v, Rows d_out,
                                        const float* saved, OutRows d_q, OutRows d_k,
                                        OutRows d_v) {
  const Tiles::Part& part = *w.part;
  const Tiles::Lists& lists = part.by_query;
  const int d = w.head_size;
  const float scale = 1.0f / std::sqrt(static_cast<float>(d)), keep_scale = w.dropout->scale();
  const bool one = OneProduct(part);
  float* scores = w.scratch;  // d of the scores
  float* dropped = scores + int64_t{kTile} * lists.widest;
  if (!one) {
    Zero(part.count, d, d_k);
    Zero(part.count, d, d_v);
  }
  for (const Tiles::Strip& strip : lists.strips) {
    const int width = Width(strip, lists);
    const float* queries = q.at + strip.begin * q.stride;
    const float* grads = d_out.at + strip.begin * d_out.stride;
    int at = 0;
    for (int e = strip.first; e < strip.last; ++e) {
      const Tiles::Entry& entry = lists.entries[e];
      Multiply(strip.count, Padded(entry.count), d, grads, d_out.stride, 1, v.at + entry.begin,
               v.stride, scores + at, width);
      at += Padded(entry.count);
    }
    for (int r = 0; r < strip.count; ++r) {
      const float* p = saved + static_cast<int64_t>(r) * width;
      float* s = scores + static_cast<int64_t>(r) * width;
      float* to = dropped + static_cast<int64_t>(r) * width;
      Vec dots{};
      for (int c = 0; c < width; c += kWide) {
        const Vec signed_p = Load(p + c);
        const Ints kept = signed_p > 0;
        const Vec d_p = Choose(kept, Load(s + c) * keep_scale, Vec{});
        const Vec weight = Choose(kept, signed_p, Vec{});
        Store(s + c, d_p);
        Store(to + c, weight * keep_scale);
        dots += d_p * weight;
      }
      const float dot = Sum(dots);
      for (int c = 0; c < width; c += kWide) {
        const Vec signed_p = Load(p + c);
        const Vec size = Choose(signed_p > 0, signed_p, -signed_p);
        Store(s + c, size * (Load(s + c) - dot) * scale);
      }
    }
    WeighValues(strip, lists, d, scores, width, k, {d_q.at + strip.begin * d_q.stride, d_q.stride});
    at = 0;
    for (int e = strip.first; e < strip.last; ++e) {
      const Tiles::Entry& entry = lists.entries[e];
      float* keys = d_k.at + entry.begin * d_k.stride;
      float* values = d_v.at + entry.begin * d_v.stride;
      if (one) {
        Multiply(entry.count, d, strip.count, dropped + at, 1, width, grads, d_out.stride, values,
                 d_v.stride);
        Multiply(entry.count, d, strip.count, scores + at, 1, width, queries, q.stride, keys,
                 d_k.stride);
      } else {
        Multiply<true>(entry.count, d, strip.count, dropped + at, 1, width, grads, d_out.stride,
                       values, d_v.stride);
        Multiply<true>(entry.count, d, strip.count, scores + at, 1, width, queries, q.stride, keys,
                       d_k.stride);
      }
      at += Padded(entry.count);
    }
    saved += static_cast<int64_t>(strip.count) * width;
  }
}

SPARSWEEP_CLONES void ForwardLeanClone(const PartWork& w, Rows q, Turned k, Rows v,
                                       float* log_sums, OutRows out) {
  const Tiles::Lists& lists = w.part->by_query;
  const bool drops = w.dropout->active();
  float* p = w.scratch;
  auto* keep = reinterpret_cast<uint64_t*>(p + int64_t{kTile} * lists.widest);
  float tops[kTile], sums[kTile];
  for (const Tiles::Strip& strip : lists.strips) {
    const int width = Width(strip, lists);
    Scores(strip, lists, w.head_size, width, q, k, p);
    Exponentials(w, strip, lists, width, p, tops, sums);
    if (drops) {
      FillKeepStrip(w, strip, lists, keep);
      for (int r = 0; r < strip.count; ++r) {
        float* row = p + static_cast<int64_t>(r) * width;
        const uint64_t* words = keep + r;
        for (int e = strip.first; e < strip.last; ++e) {
          const int count = lists.entries[e].count;
          for (int c = 0; c < count; c += kWide, row += kWide) {
            const Ints kept = Lanes(words[c / kTile * kTile] >> (c % kTile));
            Store(row, Choose(kept, Load(row), Vec{}));
          }
          words += (count + kTile - 1) / kTile * kTile;
        }
      }
    }
    const OutRows to{out.at + strip.begin * out.stride, out.stride};
    WeighValues(strip, lists, w.head_size, p, width, v, to);
    for (int r = 0; r < strip.count; ++r) {
      const float inverse = sums[r] > 0 ? w.dropout->scale() / sums[r] : 0;
      float* row = to.at + r * to.stride;
      for (int c = 0; c < w.head_size; c += kWide) Store(row + c, Load(row + c) * inverse);
      log_sums[strip.begin + r] = sums[r] > 0 ? tops[r] + std::log(sums[r]) : -kNone;
    }
  }
  for (int i = 0; i < 16; ++i) log_sums[w.part->count + i] = -kNone;
}

// scratch: 2 x [kTile x kColumns].
SPARSWEEP_CLONES void BackwardLeanClone(const PartWork& w, Rows q, Turned q_turned, Rows k, Rows v,
                                        Rows d_out, Turned d_out_turned, const float* log_sums,
                                        const float* dots, OutRows d_q, OutRows d_k, OutRows d_v) {
  const Tiles::Part& part = *w.part;
  const Tiles::Lists& lists = part.by_key;
  const int d = w.head_size;
  const float scale = 1.0f / std::sqrt(static_cast<float>(d)), keep_scale = w.dropout->scale();
  const bool drops = w.dropout->active();
  float* weights = w.scratch;
  float* scores = weights + kTile * kColumns;
  uint64_t keep[kColumns];
  Zero(part.count, d, d_q);
  for (const Tiles::Strip& strip : lists.strips) {
    const Rows keys{k.at + strip.begin * k.stride, k.stride};
    const Rows values{v.at + strip.begin * v.stride, v.stride};
    const OutRows to_k{d_k.at + strip.begin * d_k.stride, d_k.stride};
    const OutRows to_v{d_v.at + strip.begin * d_v.stride, d_v.stride};
    Zero(strip.count, d, to_k);
    Zero(strip.count, d, to_v);
    for (int e = strip.first; e < strip.last; ++e) {
      const Tiles::Entry& entry = lists.entries[e];
      for (int from = 0; from < entry.count; from += kColumns) {
        const int count = std::min(kColumns, entry.count - from), width = Padded(count);
        const int begin = entry.begin + from;
        Multiply(strip.count, width, d, keys.at, keys.stride, 1, q_turned.at + begin,
                 q_turned.stride, weights, width);
        Multiply(strip.count, width, d, values.at, values.stride, 1, d_out_turned.at + begin,
                 d_out_turned.stride, scores, width);
        for (int c = 0; drops && c < count; c += kTile) {
          FillKeepTile(*w.dropout, w.item, w.tiles->length,
                       part.first + (begin + c) * part.step, part.step, std::min(kTile, count - c),
                       part.first + strip.begin * part.step, part.step, strip.count, keep + c);
        }
        for (int r = 0; r < strip.count; ++r) {
          float* p = weights + r * width;
          float* s = scores + r * width;
          const float* bias = entry.bias >= 0 ? &w.tiles->bias[entry.bias][r * kTile] : nullptr;
          for (int c = 0; c < count; c += kWide) {
            Vec score = Load(p + c) * scale;
            if (bias) score += Load(bias + c);
            Vec weight = Exp(score - Load(log_sums + begin + c));
            Vec d_p = Load(s + c);
            if (drops) {
              const Ints kept = Lanes(keep[c / kTile * kTile + r] >> (c % kTile));
              d_p = Choose(kept, d_p * keep_scale, Vec{});
              Store(p + c, Choose(kept, weight * keep_scale, Vec{}));
            } else {
              Store(p + c, weight);
            }
            Store(s + c, weight * (d_p - Load(dots + begin + c)) * scale);
            if (entry.bits >= 0 || count - c < kWide) {
              const Ints kept = entry.bits >= 0
                                    ? Lanes(w.tiles->bits[entry.bits][r] >> c)
                                    : Lanes((uint64_t{1} << (count - c)) - 1);
              Store(p + c, Choose(kept, Load(p + c), Vec{}));
              Store(s + c, Choose(kept, Load(s + c), Vec{}));
            }
          }
        }
        Multiply<true>(strip.count, d, count, weights, width, 1, d_out.at + begin * d_out.stride,
                       d_out.stride, to_v.at, to_v.stride);
        Multiply<true>(strip.count, d, count, scores, width, 1, q.at + begin * q.stride, q.stride,
                       to_k.at, to_k.stride);
        Multiply<true>(count, d, strip.count, scores, 1, width, keys.at, keys.stride,
                       d_q.at + begin * d_q.stride, d_q.stride);
      }
    }
  }
}

}  // namespace

int64_t PartWork::Scratch(const Tiles& tiles, int) {
  int64_t most = 2 * kTile * kColumns;
  for (const Tiles::Part& part : tiles.parts) {
    const int64_t widest = part.by_query.widest;
    most = std::max(most, 2 * kTile * widest + 2 * kTile * (widest / 16 + 2));
  }
  return most;
}
void ForwardKept(const PartWork& work, Rows q, Turned k, Rows v, float* saved, OutRows out) {
  ForwardKeptClone(work, q, k, v, saved, out);
}
void BackwardKept(const PartWork& work, Rows q, Rows k, Turned v, Rows d_out, const float* saved,
                  OutRows d_q, OutRows d_k, OutRows d_v) {
  BackwardKeptClone(work, q, k, v, d_out, saved, d_q, d_k, d_v);
}
void ForwardLean(const PartWork& work, Rows q, Turned k, Rows v, float* log_sums, OutRows out) {
  ForwardLeanClone(work, q, k, v, log_sums, out);
}
void BackwardLean(const PartWork& work, Rows q, Turned q_turned, Rows k, Rows v, Rows d_out,
                  Turned d_out_turned, const float* log_sums, const float* dots, OutRows d_q,
                  OutRows d_k, OutRows d_v) {
  BackwardLeanClone(work, q, q_turned, k, v, d_out, d_out_turned, log_sums, dots, d_q, d_k, d_v);
}

}  // namespace sparsweep
