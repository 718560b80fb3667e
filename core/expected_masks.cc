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

bool Any(const Plan& plan, bool (*holds)(const Pattern&)) {
  return std::any_of(plan.patterns().begin(), plan.patterns().end(), holds);
}

}  // namespace

bool NeedsExamples(const Plan& plan) { return Any(plan, IsPerExample); }
bool NeedsSplit(const Plan& plan) { return Any(plan, DependsOnPhase); }

// Of one head, or of heads that share their masks.
struct ExpectedMasks::Sum {
  int64_t kept = 0, empty_rows = 0, entries = 0, tiles = 0, tiles_kept = 0;
  std::string hash;
  struct Line {  // of the root, without place and path
    std::string of;
    int64_t kept = 0;
    std::string hash;
  };
  std::vector<Line> lines;

  void Add(const Known& known, int64_t length, int64_t examples) {
    const int64_t side = (length + kTile - 1) / kTile;
    kept += examples * known.kept;
    empty_rows += examples * known.empty_rows;
    entries += examples * length * length;
    tiles += examples * side * side;
    tiles_kept += examples * known.tiles_kept;
  }
};

ExpectedMasks::Known ExpectedMasks::At(const std::string& pattern_text, const Pattern& pattern,
                                       int length, const MaskContext& context,
                                       const LearnedDegrees* learned) {
  if (IsLearned(pattern)) return Describe(learned->Harden(pattern, length, context));
  std::string key = pattern_text + "|" + std::to_string(length) + "|" +
                    std::to_string(context.max_length) + "|" + std::to_string(context.heads);
  if (DependsOnHead(pattern) || Draws(pattern)) {
    key += "|" + std::to_string(context.mask_seed) + "|" + std::to_string(context.layer) + "|" +
           std::to_string(context.head);
  }
  if (context.phase == Phase::kEvaluation && DependsOnPhase(pattern)) key += "|evaluation";
  const auto [found, added] = known_.try_emplace(std::move(key));
  if (added) found->second = Describe(BuildMask(pattern, length, context));
  return found->second;
}

// Masks that depend on the length, and perhaps on the phase: then those of both count in the hash.
void ExpectedMasks::AddLengths(const std::string& pattern_text, const Pattern& pattern,
                               MaskContext context, const ExpectedExamples& examples,
                               const LearnedDegrees* learned, Sum* sum) {
  Sha256Hasher hasher;
  const bool by_phase = DependsOnPhase(pattern);
  for (const Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
    const bool evaluation = phase == Phase::kEvaluation;
    if (evaluation && !by_phase) break;
    context.phase = phase;
    for (const auto& [length, all] : examples.lengths) {
      const auto found = examples.dev_lengths.find(length);
      const int64_t dev = found == examples.dev_lengths.end() ? 0 : found->second;
      const Known known = At(pattern_text, pattern, length, context, learned);
      sum->Add(known, length, !by_phase ? all : evaluation ? dev : all - dev);
      hasher.Update(U32(static_cast<uint32_t>(length)));
      hasher.Update(known.hash.data(), known.hash.size());
      sum->lines.push_back({std::to_string(length) + (evaluation ? " evaluation" : ""), known.kept,
                            Hex(known.hash)});
    }
  }
  sum->hash = Hex(hasher.Finish());
}

void ExpectedMasks::AddOwn(const Pattern& pattern, MaskContext context,
                           const ExpectedExamples& examples, Sum* sum) {
  Sha256Hasher both;
  int64_t first = 0;
  for (const Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
    const bool dev = phase == Phase::kEvaluation;
    context.phase = phase;
    Sha256Hasher hasher;
    const int64_t kept_before = sum->kept, end = first + (dev ? examples.dev : examples.train);
    for (; first < end; ++first) {
      const Mask mask = examples.own(pattern, context, first);
      const Known known = Describe(mask);
      sum->Add(known, mask.length(), 1);
      hasher.Update(known.hash.data(), known.hash.size());
    }
    const std::string digest = Hex(hasher.Finish());
    both.Update(digest);
    sum->lines.push_back({dev ? "dev" : "train", sum->kept - kept_before, digest});
  }
  sum->hash = Hex(both.Finish());
}

ExpectedAttestation ExpectedMasks::Of(const Plan& plan, uint64_t mask_seed,
                                      const ExpectedExamples& examples,
                                      const std::vector<std::string>& paths,
                                      const LearnedDegrees* learned) {
  if (known_.size() > kMaxKnown) known_.clear();
  std::vector<std::string> texts;
  for (const Pattern& pattern : plan.patterns()) texts.push_back(ToText(pattern));
  std::map<std::string, Sum> own;  // examples are many: shared by the heads whose masks are equal
  ExpectedAttestation expected;
  std::string lines;
  Sum all;
  for (int layer = 0; layer < plan.layers(); ++layer) {
    for (int head = 0; head < plan.heads(); ++head) {
      const Pattern& pattern = plan.at(layer, head);
      const std::string& text = texts[plan.index(layer, head)];
      MaskContext context = {mask_seed, layer, head, plan.context().max_length, plan.heads()};
      Sum by_length;
      Sum* sum = &by_length;
      if (IsPerExample(pattern)) {
        std::string key = text;
        if (DependsOnHead(pattern)) key += "|" + std::to_string(layer) + "|" + std::to_string(head);
        const auto [found, added] = own.try_emplace(key);
        sum = &found->second;
        if (added) AddOwn(pattern, context, examples, sum);
      } else {
        AddLengths(text, pattern, context, examples, learned, sum);
      }
      MaskRow row;
      row.layer = layer;
      row.head = head;
      row.path = paths[static_cast<size_t>(layer) * plan.heads() + head];
      row.kept = sum->kept;
      row.empty_rows = sum->empty_rows;
      row.density = Ratio(sum->kept, sum->entries, 0);
      row.tile_sparsity = 1 - Ratio(sum->tiles_kept, sum->tiles, 1);
      row.hash = sum->hash;
      for (const Sum::Line& line : sum->lines) {
        lines += std::to_string(layer) + " " + std::to_string(head) + " " + line.of + " " +
                 std::to_string(line.kept) + " " + line.hash + " " + row.path + "\n";
      }
      all.kept += sum->kept;
      all.entries += sum->entries;
      all.tiles += sum->tiles;
      all.tiles_kept += sum->tiles_kept;
      expected.rows.push_back(std::move(row));
    }
  }
  expected.root = Sha256Hex(lines);
  expected.density = Ratio(all.kept, all.entries, 1);
  expected.tile_sparsity = 1 - Ratio(all.tiles_kept, all.tiles, 1);
  return expected;
}

}  // namespace sparsweep
