// See expected_masks.h.
#include "core/expected_masks.h"

#include <algorithm>

namespace sparsweep {
namespace {

constexpr int kTile = 64;
constexpr size_t kMaxKnown = 500'000;

// A word of a mask's row is one tile wide.
int64_t TilesKept(const Mask& mask) {
  int64_t kept = 0;
  for (int first = 0; first < mask.length(); first += kTile) {
    for (int word = 0; word < mask.words(); ++word) {
      uint64_t any = 0;
      for (int row = first; row < std::min(first + kTile, mask.length()); ++row) {
        any |= mask.row(row)[word];
      }
      kept += any != 0;
    }
  }
  return kept;
}

std::string U32(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

ExpectedMasks::Known Describe(const Mask& mask) {
  return {mask.kept(), mask.empty_rows(), TilesKept(mask), mask.Sha256()};
}

double Ratio(int64_t part, int64_t whole, double otherwise) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : otherwise;
}

}  // namespace

bool FollowsFromThePlan(const Plan& plan) {
  return std::none_of(plan.patterns().begin(), plan.patterns().end(), [](const Pattern& pattern) {
    return IsPerExample(pattern) || DependsOnPhase(pattern);
  });
}

const ExpectedMasks::Known& ExpectedMasks::At(const std::string& pattern_text,
                                              const Pattern& pattern, int length,
                                              const MaskContext& context) {
  std::string key =
      pattern_text + "|" + std::to_string(length) + "|" + std::to_string(context.max_length);
  if (DependsOnHead(pattern) || Draws(pattern)) {
    key += "|" + std::to_string(context.mask_seed) + "|" + std::to_string(context.layer) + "|" +
           std::to_string(context.head);
  }
  const auto [found, added] = known_.try_emplace(std::move(key));
  if (added) {
    found->second = Describe(BuildMask(pattern, length, context));
  }
  return found->second;
}

ExpectedAttestation ExpectedMasks::Of(const Plan& plan, uint64_t mask_seed,
                                      const std::map<int, int64_t>& lengths,
                                      const std::vector<std::string>& paths,
                                      const LearnedDegrees* learned) {
  if (known_.size() > kMaxKnown) known_.clear();
  std::vector<std::string> texts;
  for (const Pattern& pattern : plan.patterns()) texts.push_back(ToText(pattern));
  ExpectedAttestation expected;
  std::string lines;
  int64_t all_kept = 0, all_entries = 0, all_tiles = 0, all_tiles_kept = 0;
  for (int layer = 0; layer < plan.layers(); ++layer) {
    for (int head = 0; head < plan.heads(); ++head) {
      MaskRow row;
      row.layer = layer;
      row.head = head;
      row.path = paths[static_cast<size_t>(layer) * plan.heads() + head];
      int64_t entries = 0, tiles = 0, tiles_kept = 0;
      Sha256Hasher hasher;
      for (const auto& [length, examples] : lengths) {
        const Pattern& pattern = plan.at(layer, head);
        const MaskContext context = {mask_seed, layer, head, plan.context().max_length,
                                     plan.heads()};
        const Known known = IsLearned(pattern)
                                ? Describe(learned->Harden(pattern, length, context))
                                : At(texts[plan.index(layer, head)], pattern, length, context);
        const int64_t side = (length + kTile - 1) / kTile;
        row.kept += examples * known.kept;
        row.empty_rows += examples * known.empty_rows;
        entries += examples * length * length;
        tiles += examples * side * side;
        tiles_kept += examples * known.tiles_kept;
        hasher.Update(U32(static_cast<uint32_t>(length)));
        hasher.Update(known.hash.data(), known.hash.size());
        lines += std::to_string(layer) + " " + std::to_string(head) + " " + std::to_string(length) +
                 " " + std::to_string(known.kept) + " " + Hex(known.hash) + " " + row.path + "\n";
      }
      row.density = Ratio(row.kept, entries, 0);
      row.tile_sparsity = 1 - Ratio(tiles_kept, tiles, 1);
      row.hash = Hex(hasher.Finish());
      all_kept += row.kept;
      all_entries += entries;
      all_tiles += tiles;
      all_tiles_kept += tiles_kept;
      expected.rows.push_back(std::move(row));
    }
  }
  expected.root = Sha256Hex(lines);
  expected.density = Ratio(all_kept, all_entries, 1);
  expected.tile_sparsity = 1 - Ratio(all_tiles_kept, all_tiles, 1);
  return expected;
}

}  // namespace sparsweep
