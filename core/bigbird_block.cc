// See bigbird_block.h. Blocks are numbered from 0; n is their number.
#include "core/bigbird_block.h"

#include <algorithm>
#include <cstdlib>

#include "core/numpy_random.h"
#include "core/random_draw.h"
#include "core/result.h"

namespace sparsweep {
namespace {

// Padded lengths at which transformers draws "old plans used in paper".
constexpr int kPaperLengths[] = {1024, 3072, 4096};
constexpr int kPaperRange = 1024;  // tokens from which those plans mostly draw

bool IsPaperLength(int64_t padded) {
  return std::find(std::begin(kPaperLengths), std::end(kPaperLengths), padded) !=
         std::end(kPaperLengths);
}

int BlocksOf(const BigBirdBlock& pattern, int length) {
  return static_cast<int>((int64_t{length} + pattern.block - 1) / pattern.block);
}

// middle_seq[begin:end] of the library, where middle_seq = 1, 2, .. middle.
void AppendSlice(int begin, int end, int middle, std::vector<int>* blocks) {
  for (int place = begin; place < std::min(end, middle); ++place) blocks->push_back(place + 1);
}

// The blocks that row i of a paper plan draws from, over n_max blocks.
std::vector<int> PaperCandidates(int i, int n_max, int block) {
  const int middle = n_max - 2;
  const int last = kPaperRange > 2 * block ? kPaperRange / block - 1 : n_max - 1;
  std::vector<int> blocks;
  if (i == 1) {
    AppendSlice(2, last, middle, &blocks);
  } else if (i == 2) {
    AppendSlice(3, last, middle, &blocks);
  } else if (i == n_max - 3 || i == n_max - 2 || i - 2 > last) {
    AppendSlice(0, last, middle, &blocks);
  } else {
    AppendSlice(0, i - 2, middle, &blocks);
    AppendSlice(i + 1, last, middle, &blocks);
  }
  return blocks;
}

// The lists of one head: lists[i] for row i, 1 <= i <= n - 2.
using Lists = std::vector<std::vector<int>>;

Lists PaperLists(const BigBirdBlock& pattern, int n, const MaskContext& context) {
  const int n_max = pattern.max_positions / pattern.block;
  NumpyRandom random(static_cast<uint32_t>(context.layer));
  Lists lists(n);
  for (int head = 0; head <= context.head; ++head) {
    for (int i = 1; i <= n_max - 2; ++i) {
      std::vector<int> drawn = random.Permutation(PaperCandidates(i, n_max, pattern.block));
      // One candidate alone is broadcast over the list.
      const bool is_broadcast = drawn.size() == 1;
      drawn.resize(pattern.r, is_broadcast ? drawn[0] : 0);
      if (head == context.head && i <= n - 2) lists[i] = std::move(drawn);
    }
  }
  return lists;
}

Lists OtherLists(const BigBirdBlock& pattern, int n, const MaskContext& context) {
  Lists lists(n);
  if (pattern.r == 0) return lists;
  const int range = 2 * pattern.r + 5;
  std::vector<int> all(range);
  for (int block = 0; block < range; ++block) all[block] = block;
  const auto is_legal = [range](int i, int block) {
    return std::abs(i - block) > 1 && block != 0 && block != range - 1 &&
           !(i == 1 && block == range - 2) && !(i == range - 2 && block == 1);
  };
  NumpyRandom random(static_cast<uint32_t>(context.layer));
  for (int i = 1; i <= n - 2; ++i) {
    for (int head = 0; head < context.heads; ++head) {
      const std::vector<int> drawn = random.Permutation(all);
      if (head != context.head) continue;
      for (const int block : drawn) {
        if (static_cast<int>(lists[i].size()) == pattern.r) break;
        if (is_legal(i, block)) lists[i].push_back(block);
      }
    }
  }
  return lists;
}

Lists HfLists(const BigBirdBlock& pattern, int n, const MaskContext& context) {
  SPARSWEEP_CHECK(0 <= context.head && context.head < context.heads);
  if (context.phase == Phase::kEvaluation && pattern.eval == Eval::kZeros) {
    return Lists(n, std::vector<int>(pattern.r, 0));
  }
  return IsPaperLength(int64_t{n} * pattern.block) ? PaperLists(pattern, n, context)
                                                   : OtherLists(pattern, n, context);
}

// By the rule of `random`, over the matrix of blocks, from those that are not kept already: 1 ..
// i - 2 and i + 2 .. n - 2.
Lists SetLists(const BigBirdBlock& pattern, int n, const MaskContext& context) {
  Lists lists(n);
  RandomDraw draw(context, Draw::kHead, Each::kLength, n);
  for (int i = 1; i <= n - 2; ++i) {
    const int before = std::max(0, i - 2);
    const int candidates = before + std::max(0, n - 3 - i);
    for (const int place : draw.Row(i, candidates, std::min(pattern.r, candidates))) {
      lists[i].push_back(place < before ? place + 1 : place - before + i + 2);
    }
  }
  return lists;
}

Lists ListsOf(const BigBirdBlock& pattern, int n, const MaskContext& context) {
  return pattern.exact == Exact::kHf ? HfLists(pattern, n, context) : SetLists(pattern, n, context);
}

// Whether some text of up to `max_length` tokens is padded to that length and not fully attended.
bool CanOccur(const BigBirdBlock& pattern, int padded, int max_length) {
  return padded % pattern.block == 0 && !IsFullAttention(pattern, padded) &&
         padded - pattern.block < max_length;
}

bool IsFull(const BigBirdBlock& pattern, int length) {
  return pattern.exact == Exact::kHf && IsFullAttention(pattern, length);
}

}  // namespace

bool IsFullAttention(const BigBirdBlock& pattern, int length) {
  return BlocksOf(pattern, length) <= 5 + 2 * int64_t{pattern.r};
}

bool IsAlwaysDense(const BigBirdBlock& pattern, int max_length) {
  if (pattern.exact == Exact::kHf) return IsFullAttention(pattern, max_length);
  // The second row keeps 4 blocks and draws r others; an inner row keeps 5.
  return BlocksOf(pattern, max_length) <= int64_t{pattern.r} + 4;
}

bool ReachesPaperLength(const BigBirdBlock& pattern, int max_length) {
  return pattern.r > 0 &&
         std::any_of(std::begin(kPaperLengths), std::end(kPaperLengths),
                     [&](int padded) { return CanOccur(pattern, padded, max_length); });
}

void AddBlocks(const BigBirdBlock& pattern, const MaskContext& context, Mask* mask) {
  const int length = mask->length();
  const int n = BlocksOf(pattern, length);
  const bool is_full = IsFull(pattern, length);
  const Lists lists = is_full ? Lists(n) : ListsOf(pattern, n, context);
  for (int i = 0; i < length; ++i) {
    const auto keep = [&](int64_t first, int64_t end) {  // blocks [first, end)
      mask->KeepRange(i, static_cast<int>(std::max<int64_t>(0, first) * pattern.block),
                      static_cast<int>(std::min<int64_t>(length, end * pattern.block)));
    };
    const int row = i / pattern.block;
    if (is_full || row == 0 || row == n - 1) {
      keep(0, n);
      continue;
    }
    keep(0, 1);
    keep(row - 1, row + 2);
    keep(n - 1, n);
    for (const int block : lists[row]) keep(block, block + 1);
  }
}

BlockWeights BlockMultiplicity(const BigBirdBlock& pattern, int length,
                               const MaskContext& context) {
  SPARSWEEP_CHECK(length >= 1);
  const int n = BlocksOf(pattern, length);
  BlockWeights weights{pattern.block, n, std::vector<int>(static_cast<size_t>(n) * n, 1)};
  if (IsFull(pattern, length)) return weights;
  const Lists lists = ListsOf(pattern, n, context);
  for (int row = 1; row < n - 1; ++row) {
    int* counts = &weights.counts[static_cast<size_t>(row) * n];
    for (int column = 1; column < n - 1; ++column) counts[column] = std::abs(row - column) <= 1;
    for (const int block : lists[row]) ++counts[block];
  }
  return weights;
}

std::string RefuseBigBirdBlock(const BigBirdBlock& pattern, const PlanContext& context) {
  // Without paper plans max_positions has no effect, and there is always enough to draw from.
  if (pattern.exact == Exact::kSet || !ReachesPaperLength(pattern, context.max_length)) return "";
  const int64_t padded_max = int64_t{BlocksOf(pattern, context.max_length)} * pattern.block;
  if (padded_max > pattern.max_positions) {
    return "max_positions " + std::to_string(pattern.max_positions) + " is smaller than the " +
           std::to_string(padded_max) + " tokens that texts of max_length " +
           std::to_string(context.max_length) +
           " are padded to; give the number of positions of the model";
  }
  if (pattern.max_positions > kMaxHfPositions) {
    return "max_positions must be at most " + std::to_string(kMaxHfPositions) + " with exact=hf";
  }
  const int n_max = pattern.max_positions / pattern.block;
  for (const int padded : kPaperLengths) {
    if (!CanOccur(pattern, padded, context.max_length)) continue;
    for (int i = 1; i <= n_max - 2; ++i) {
      const size_t candidates = PaperCandidates(i, n_max, pattern.block).size();
      if (candidates == 1 || candidates >= static_cast<size_t>(pattern.r)) continue;
      return "transformers cannot run it at " + std::to_string(padded) + " tokens: block row " +
             std::to_string(i) + " has " + std::to_string(candidates) +
             " random blocks to choose from, not r = " + std::to_string(pattern.r) +
             "; use smaller blocks, a smaller r or exact=set";
    }
  }
  return "";
}

}  // namespace sparsweep
