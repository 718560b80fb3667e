#include "attention/tiles.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace sparsweep {
namespace {

int Padded(int count) { return (count + 15) / 16 * 16; }

uint64_t Ones(int count) {
  return count <= 0 ? 0 : count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Collects the tiles of one Tiles; equal bitmaps are stored once.
class Builder {
 public:
  explicit Builder(int length) { tiles_.length = length; }

  int Bits(const Tiles::Bits& bits) {
    auto [found, added] = known_.emplace(bits, static_cast<int>(tiles_.bits.size()));
    if (added) tiles_.bits.push_back(bits);
    return found->second;
  }
  int Bias(std::vector<float> bias) {
    auto [found, added] = known_bias_.emplace(bias, static_cast<int>(tiles_.bias.size()));
    if (added) tiles_.bias.push_back(std::move(bias));
    return found->second;
  }
  void Add(Tiles::Part part) { tiles_.parts.push_back(std::move(part)); }

  Tiles Finish() {
    for (Tiles::Part& part : tiles_.parts) {
      for (Tiles::Lists* lists : {&part.by_query, &part.by_key}) {
        for (const Tiles::Strip& strip : lists->strips) {
          int width = 0;
          for (int e = strip.first; e < strip.last; ++e) width += Padded(lists->entries[e].count);
          lists->widest = std::max(lists->widest, width);
          lists->elements += int64_t{strip.count} * width;
        }
      }
      tiles_.elements += part.by_query.elements;
      for (const Tiles::Strip& strip : part.by_query.strips) {
        for (int e = strip.first; e < strip.last; ++e) {
          tiles_.entries += int64_t{strip.count} * part.by_query.entries[e].count;
        }
      }
    }
    return std::move(tiles_);
  }

 private:
  Tiles tiles_;
  std::map<Tiles::Bits, int> known_;
  std::map<std::vector<float>, int> known_bias_;
};

void AddStrip(int begin, int count, const std::vector<Tiles::Entry>& entries, Tiles::Lists* lists) {
  const int first = static_cast<int>(lists->entries.size());
  lists->entries.insert(lists->entries.end(), entries.begin(), entries.end());
  lists->strips.push_back({begin, count, first, static_cast<int>(lists->entries.size())});
}

// Rows [begin, end) against columns [from, to), all of them kept (nothing where it is empty).
void AddRectangle(int begin, int end, int from, int to, Tiles::Lists* lists) {
  std::vector<Tiles::Entry> entries;
  if (from < to) entries.push_back({from, to - from});
  for (int row = begin; row < end; row += kTile) {
    AddStrip(row, std::min(kTile, end - row), entries, lists);
  }
}

Tiles::Lists BlockLists(int length, int blocks, int size, int shift) {
  Tiles::Lists lists;
  auto cut = [&](int block) {
    return static_cast<int>(std::min<int64_t>(length, int64_t{block} * size));
  };
  for (int block = 0; block < blocks; ++block) {
    const int other = (block + shift) % blocks;
    AddRectangle(cut(block), cut(block + 1), cut(other), cut(other + 1), &lists);
  }
  return lists;
}

// The band abs(i-j) <= w over n tokens. It is its own transpose.
Tiles::Lists BandLists(int n, int w, Builder* builder) {
  Tiles::Lists lists;
  const int reach = std::min(w, n);
  for (int row = 0; row < n; row += kTile) {
    const int rows = std::min(kTile, n - row);
    const int to = std::min(n, row + rows + reach);
    std::vector<Tiles::Entry> entries;
    for (int from = std::max(0, row - reach); from < to; from += kTile) {
      Tiles::Entry entry{from, std::min(kTile, to - from)};
      Tiles::Bits bits{};
      bool full = true;
      for (int r = 0; r < rows; ++r) {
        const int low = std::max(0, row + r - reach - from);
        const int high = std::min(entry.count, row + r + reach + 1 - from);
        bits[r] = high > low ? Ones(high) & ~Ones(low) : 0;
        full &= low == 0 && high == entry.count;
      }
      const bool joins = full && !entries.empty() && entries.back().bits < 0;
      if (joins) {
        entries.back().count += entry.count;
      } else {
        if (!full) entry.bits = builder->Bits(bits);
        entries.push_back(entry);
      }
    }
    AddStrip(row, rows, entries, &lists);
  }
  return lists;
}

// By whom the tile at (row tile, column tile) is described.
using TileAt = std::vector<std::vector<Tiles::Entry>>;

}  // namespace

Tiles::Bits Transposed(const Tiles::Bits& bits) {
  Tiles::Bits x = bits;
  uint64_t mask = 0x00000000FFFFFFFF;  // exchange the off-diagonal halves, then quarters, ..
  for (int half = 32; half > 0; half >>= 1, mask ^= mask << half) {
    for (int r = 0; r < kTile; r = ((r | half) + 1) & ~half) {
      const uint64_t moved = ((x[r] >> half) ^ x[r | half]) & mask;
      x[r] ^= moved << half;
      x[r | half] ^= moved;
    }
  }
  return x;
}

int64_t Tiles::bytes() const {
  int64_t total = static_cast<int64_t>(bits.size() * sizeof(Bits) +
                                       bias.size() * kTile * kTile * sizeof(float));
  for (const Part& part : parts) {
    for (const Lists* lists : {&part.by_query, &part.by_key}) {
      total += static_cast<int64_t>(lists->strips.size() * sizeof(Strip) +
                                    lists->entries.size() * sizeof(Entry));
    }
  }
  return total;
}

Tiles DenseTiles(int length) { return BlockTiles(length, 1, length, 0); }

Tiles BlockTiles(int length, int blocks, int size, int shift) {
  Builder builder(length);
  builder.Add({0, 1, length, BlockLists(length, blocks, size, shift),
               BlockLists(length, blocks, size, (blocks - shift) % blocks)});
  return builder.Finish();
}

Tiles WindowTiles(int length, int w, int dilation) {
  Builder builder(length);
  for (int first = 0; first < std::min(dilation, length); ++first) {
    const int count = (length - first + dilation - 1) / dilation;
    Tiles::Lists lists = BandLists(count, w, &builder);
    builder.Add({first, dilation, count, lists, lists});
  }
  return builder.Finish();
}

Tiles MaskTiles(const Mask& mask) { return MaskTiles(mask, BlockWeights{}); }

Tiles MaskTiles(const Mask& mask, const BlockWeights& weights) {
  const int n = mask.length(), side = (n + kTile - 1) / kTile;
  Builder builder(n);
  Tiles::Part part{0, 1, n, {}, {}};
  TileAt columns(side);  // the entries of each column of tiles, as the transposed lists have them
  for (int row = 0; row < side; ++row) {
    const int rows = std::min(kTile, n - row * kTile);
    std::vector<Tiles::Entry> entries;
    for (int column = 0; column < side; ++column) {
      const int from = column * kTile, count = std::min(kTile, n - from);
      Tiles::Bits bits{};
      uint64_t any = 0, all = Ones(count);
      for (int r = 0; r < rows; ++r) {
        bits[r] = mask.row(row * kTile + r)[column];
        any |= bits[r];
        all &= bits[r];
      }
      if (any == 0) continue;
      Tiles::Entry entry{from, count}, across{row * kTile, rows};
      if (all != Ones(count)) {
        entry.bits = builder.Bits(bits);
        across.bits = builder.Bits(Transposed(bits));
      }
      std::vector<float> bias(weights.blocks ? kTile * kTile : 0), turned = bias;
      bool weighted = false;
      for (int r = 0; weights.blocks && r < rows; ++r) {
        for (int c = 0; c < count; ++c) {
          const int times =
              weights.at((row * kTile + r) / weights.block, (from + c) / weights.block);
          weighted |= times > 1;
          bias[r * kTile + c] = turned[c * kTile + r] =
              times > 1 ? std::log(static_cast<float>(times)) : 0.0f;
        }
      }
      if (weighted) {
        entry.bias = builder.Bias(std::move(bias));
        across.bias = builder.Bias(std::move(turned));
      }
      // Neighbouring full tiles are one range.
      auto append = [](const Tiles::Entry& made, std::vector<Tiles::Entry>* to) {
        const bool plain = made.bits < 0 && made.bias < 0;
        if (plain && !to->empty() && to->back().bits < 0 && to->back().bias < 0 &&
            to->back().begin + to->back().count == made.begin) {
          to->back().count += made.count;
        } else {
          to->push_back(made);
        }
      };
      append(entry, &entries);
      append(across, &columns[column]);
    }
    AddStrip(row * kTile, rows, entries, &part.by_query);
  }
  for (int column = 0; column < side; ++column) {
    AddStrip(column * kTile, std::min(kTile, n - column * kTile), columns[column], &part.by_key);
  }
  builder.Add(std::move(part));
  return builder.Finish();
}

}  // namespace sparsweep
