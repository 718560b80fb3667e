#include "attention/portable_attention.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace sparsweep {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

std::vector<int64_t> Iota(int64_t from, int64_t count, int64_t step = 1) {
  std::vector<int64_t> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = from + i * step;
  return values;
}

at::Tensor Index(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

// softmax(scores + log M) with dropout; rows of -infinity become 0. log_mask may be undefined.
at::Tensor Weights(at::Tensor scores, const at::Tensor& log_mask, const at::Tensor& keep,
                   float keep_scale) {
  at::Tensor weights;
  if (log_mask.defined()) {
    // A finite floor keeps rows without a key free of NaN; their weights are then zeroed.
    at::Tensor kept = log_mask.ne(kNothing);
    at::Tensor zero = at::scalar_tensor(0.0, scores.options());
    at::Tensor floor = at::scalar_tensor(-1e30, scores.options());
    scores = at::where(kept, scores + log_mask.to(scores.scalar_type()), floor);
    weights = at::where(kept, at::softmax(scores, -1), zero);
  } else {
    weights = at::softmax(scores, -1);
  }
  return keep.defined() ? weights * keep * keep_scale : weights;
}

at::Tensor Items(const std::vector<int64_t>& examples, const std::vector<int64_t>& heads,
                 int64_t all_heads, at::Device device) {
  return Index(examples, device).unsqueeze(1) * all_heads + Index(heads, device).unsqueeze(0);
}

struct Call {
  const at::Tensor& parts;  // [3, B, H, N, d]
  const LayerMasks& masks;
  AttentionBatch& batch;
  const DropoutStream& dropout;
  double scale;
};

at::Tensor OverPadded(const Call& c) {
  const int64_t n = c.parts.size(3), h = c.parts.size(2);
  const at::Device device = c.parts.device();
  at::Tensor keep;
  if (c.dropout.active()) {
    std::vector<int64_t> lengths(c.batch.lengths().begin(), c.batch.lengths().end());
    keep = PortableKeep(c.dropout, Items(Iota(0, c.batch.size()), Iota(0, h), h, device),
                        Index(lengths, device), Iota(0, n), Iota(0, n));
  }
  c.batch.CountProducts(kProducts, c.batch.size() * h * n * n, static_cast<int>(c.parts.size(4)),
                        c.parts.requires_grad());
  at::Tensor scores = at::matmul(c.parts[0], c.parts[1].transpose(-1, -2)) * c.scale;
  at::Tensor weights = Weights(scores, c.batch.LogMask(c.masks, device), keep, c.dropout.scale());
  return at::matmul(weights, c.parts[2]);  // [B, H, N, d]
}

// log M of a strip, undefined where it keeps everything: [rows, columns].
at::Tensor StripMask(const Tiles& tiles, const Tiles::Strip& strip, const Tiles::Lists& lists) {
  int64_t width = 0;
  bool full = true;
  for (int e = strip.first; e < strip.last; ++e) {
    width += lists.entries[e].count;
    full &= lists.entries[e].bits < 0;
  }
  if (full) return {};
  at::Tensor mask = at::zeros({strip.count, width}, at::kFloat);
  float* to = mask.mutable_data_ptr<float>();
  for (int e = strip.first; e < strip.last; ++e) {
    const Tiles::Entry& entry = lists.entries[e];
    for (int r = 0; entry.bits >= 0 && r < strip.count; ++r) {
      for (int col = 0; col < entry.count; ++col) {
        if (!(tiles.bits[entry.bits][r] >> col & 1)) to[r * width + col] = kNothing;
      }
    }
    to += entry.count;
  }
  return mask;
}

// Some examples and heads that share tiles; q, k, v [E, H', n, d] -> [E, H', n, d].
at::Tensor OverStrips(const Call& c, const Tiles& tiles, const std::vector<int64_t>& examples,
                      const std::vector<int64_t>& heads) {
  const at::Device device = c.parts.device();
  at::Tensor mine =
      c.parts.index_select(1, Index(examples, device)).index_select(2, Index(heads, device));
  const at::Tensor items = Items(examples, heads, c.parts.size(2), device);
  const at::Tensor lengths =
      at::full({static_cast<int64_t>(examples.size())}, tiles.length, items.options());
  c.batch.CountProducts(kProducts,
                        tiles.entries * static_cast<int64_t>(examples.size() * heads.size()),
                        static_cast<int>(c.parts.size(4)), c.parts.requires_grad());
  std::vector<at::Tensor> outs;
  std::vector<int64_t> order;  // the token of each row of outs
  for (const Tiles::Part& part : tiles.parts) {
    const Tiles::Lists& lists = part.by_query;
    for (size_t s = 0; s < lists.strips.size();) {
      Tiles::Strip strip = lists.strips[s++];
      auto same = [&](const Tiles::Strip& next) {  // a block's strips are one rectangle
        return next.last - next.first == strip.last - strip.first && strip.first < strip.last &&
               std::equal(lists.entries.begin() + strip.first, lists.entries.begin() + strip.last,
                          lists.entries.begin() + next.first) &&
               lists.entries[strip.first].bits < 0 && strip.last - strip.first == 1;
      };
      while (s < lists.strips.size() && same(lists.strips[s]))
        strip.count += lists.strips[s++].count;
      auto tokens = Iota(part.first + int64_t{strip.begin} * part.step, strip.count, part.step);
      std::vector<int64_t> keys;
      for (int e = strip.first; e < strip.last; ++e) {
        for (int64_t t : Iota(lists.entries[e].begin, lists.entries[e].count))
          keys.push_back(part.first + t * part.step);
      }
      order.insert(order.end(), tokens.begin(), tokens.end());
      at::Tensor q = mine[0].index_select(2, Index(tokens, device));
      if (keys.empty()) {
        outs.push_back(at::zeros_like(q) + q.narrow(3, 0, 0).sum());  // 0, and differentiable
        continue;
      }
      at::Tensor at_keys = Index(keys, device);
      at::Tensor k = mine[1].index_select(2, at_keys), v = mine[2].index_select(2, at_keys);
      at::Tensor keep;
      if (c.dropout.active()) keep = PortableKeep(c.dropout, items, lengths, tokens, keys);
      at::Tensor mask = StripMask(tiles, strip, lists);
      if (mask.defined()) mask = mask.to(device);
      at::Tensor scores = at::matmul(q, k.transpose(-1, -2)) * c.scale;
      outs.push_back(at::matmul(Weights(scores, mask, keep, c.dropout.scale()), v));
    }
  }
  std::vector<int64_t> inverse(order.size());
  for (size_t row = 0; row < order.size(); ++row) inverse[order[row]] = static_cast<int64_t>(row);
  return at::cat(outs, 2).index_select(2, Index(inverse, device));
}

bool ByStrips(AttentionPath path) {
  return path == AttentionPath::kBlock || path == AttentionPath::kWindow;
}

}  // namespace

at::Tensor PortableAttention(const at::Tensor& qkv, const LayerMasks& masks, AttentionBatch& batch,
                             const DropoutStream& dropout) {
  const int64_t b = qkv.size(0), n = qkv.size(1), h = masks.heads(), d = qkv.size(2) / 3 / h;
  const at::Device device = qkv.device();
  // Padding may hold anything, and 0 times a NaN is one.
  std::vector<int64_t> real(batch.lengths().begin(), batch.lengths().end());
  at::Tensor padding = at::arange(n, device).unsqueeze(0).ge(Index(real, device).unsqueeze(1));
  at::Tensor clean = qkv.masked_fill(padding.unsqueeze(-1), 0);
  at::Tensor parts = clean.view({b, n, 3, h, d}).permute({2, 0, 3, 1, 4});
  const Call call{parts, masks, batch, dropout, 1 / std::sqrt(static_cast<double>(d))};
  bool any = false, all = true;
  for (int slot = 0; slot < masks.slots(); ++slot) {
    any |= ByStrips(masks.slot_path(slot));
    all &= ByStrips(masks.slot_path(slot));
  }
  at::Tensor out = all ? at::zeros({b, h, n, d}, qkv.options()) : OverPadded(call);
  if (any) {
    const auto& tiles = batch.TilesOf(masks);
    for (int slot = 0; slot < masks.slots(); ++slot) {
      if (!ByStrips(masks.slot_path(slot))) continue;
      std::vector<int64_t> heads;
      for (int head = 0; head < h; ++head) {
        if (masks.slot(head) == slot) heads.push_back(head);
      }
      std::map<const Tiles*, std::vector<int64_t>> groups;
      for (int e = 0; e < b; ++e) groups[tiles[e * h + heads[0]].get()].push_back(e);
      for (const auto& [shared, examples] : groups) {
        at::Tensor made = OverStrips(call, *shared, examples, heads);
        out = out.index_put(
            {Index(examples, device).view({-1, 1, 1}), Index(heads, device).view({1, -1, 1}),
             at::arange(shared->length, device).view({1, 1, -1})},
            made);
      }
    }
  }
  return out.transpose(1, 2).reshape({b, n, h * d});
}

}  // namespace sparsweep
