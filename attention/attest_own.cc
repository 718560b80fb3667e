#include "attention/attest_own.h"

#include <map>

namespace sparsweep {
namespace {

double Share(int64_t part, int64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

void MaskCounts::Add(const KnownMask& known, int64_t examples) {
  const int64_t n = known.mask.length(), side = (n + kTile - 1) / kTile;
  kept += examples * known.kept;
  empty_rows += examples * known.empty_rows;
  entries += examples * n * n;
  tiles += examples * side * side;
  tiles_kept += examples * known.tiles_kept;
}

void MaskCounts::Add(const MaskCounts& other) {
  kept += other.kept;
  empty_rows += other.empty_rows;
  entries += other.entries;
  tiles += other.tiles;
  tiles_kept += other.tiles_kept;
}

double MaskCounts::density() const { return Share(kept, entries); }
double MaskCounts::tile_sparsity() const { return tiles ? 1 - Share(tiles_kept, tiles) : 0; }

OwnMasks::OwnMasks(const Plan& plan, const MaskContext& context)
    : index_(plan.layers(), std::vector<int>(plan.heads(), -1)) {
  std::map<std::string, int> own_of;
  std::map<std::vector<int>, int> group_of;
  for (int layer = 0; layer < plan.layers(); ++layer) {
    bool all = true, any = false;
    for (int head = 0; head < plan.heads(); ++head) {
      const Pattern& pattern = plan.at(layer, head);
      all &= IsPerExample(pattern);
      if (!IsPerExample(pattern)) continue;
      any = true;
      std::string key = ToText(pattern);
      if (DependsOnHead(pattern)) key += "|" + std::to_string(layer) + "|" + std::to_string(head);
      auto [found, added] = own_of.emplace(key, masks_.size());
      if (added) {
        Own& own = masks_.emplace_back();
        own.pattern = &pattern;
        own.context = context;
        own.context.layer = layer;
        own.context.head = head;
      }
      index_[layer][head] = found->second;
    }
    if (!any) continue;
    std::vector<int> key = index_[layer];
    if (!all) key.push_back(layer);
    auto [found, added] = group_of.emplace(std::move(key), groups_.size());
    if (added) groups_.emplace_back();
    groups_[found->second].push_back(layer);
  }
}

std::vector<std::vector<OwnMasks::Known>> OwnMasks::Count(const ExampleMasks& source,
                                                          const std::vector<int64_t>& examples,
                                                          Phase phase, bool counted) {
  std::vector<std::vector<Known>> known(masks_.size());
  for (size_t i = 0; i < masks_.size(); ++i) {
    Own& own = masks_[i];
    own.context.phase = phase;
    known[i].reserve(examples.size());
    for (int64_t example : examples) {
      known[i].push_back(source(*own.pattern, own.context, example));
      if (!counted) continue;
      const KnownMask& mask = *known[i].back();
      own.counts.Add(mask, 1);
      own.kept[Number(phase)] += mask.kept;
      own.hash[Number(phase)].Update(mask.hash.data(), mask.hash.size());
    }
  }
  return known;
}

void OwnMasks::Finish() {
  for (Own& own : masks_) {
    for (int split : {0, 1}) own.digest[split] = Hex(own.hash[split].Finish());
  }
}

}  // namespace sparsweep
