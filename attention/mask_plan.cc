#include "attention/mask_plan.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace sparsweep {
namespace {

constexpr const char* kPathNames[] = {"dense", "block", "window", "masked", "learned"};

bool IsFull(const KnownMask& known) {
  return known.kept == int64_t{known.mask.length()} * known.mask.length();
}

// What a mask depends on beside its pattern and length.
std::string ContextKey(const Pattern& pattern, const MaskContext& context) {
  std::string key = "|" + std::to_string(context.max_length);
  const bool of_phase = DependsOnPhase(pattern);
  if (Draws(pattern)) key += "|s" + std::to_string(context.mask_seed);
  if (DependsOnHead(pattern)) {
    key += "|h" + std::to_string(context.layer) + "|" + std::to_string(context.head) + "|" +
           std::to_string(context.heads);
  }
  if (of_phase) key += context.phase == Phase::kTraining ? "|t" : "|e";
  return key;
}

std::string Text(std::initializer_list<int64_t> numbers) {
  std::string text;
  for (int64_t number : numbers) text += "|" + std::to_string(number);
  return text;
}

}  // namespace

void MaskCache::Account(int64_t bytes) {
  if (bytes_ + bytes > max_bytes_) {
    masks_.clear();
    by_hash_.clear();
    tiles_.clear();
    bytes_ = 0;
  }
  bytes_ += bytes;
}

std::shared_ptr<const KnownMask> MaskCache::Get(const Pattern& pattern, int length,
                                                const MaskContext& context) {
  const std::string key =
      ToText(pattern) + "|" + std::to_string(length) + ContextKey(pattern, context);
  auto found = masks_.find(key);
  if (found != masks_.end()) return found->second;
  auto made = std::make_shared<KnownMask>(KnownMask::Of(BuildMask(pattern, length, context)));
  std::string identity(made->hash.begin(), made->hash.end());
  if (IsWeighted(pattern)) {
    made->weights = BlockMultiplicity(*pattern.As<BigBirdBlock>(), length, context);
    for (int count : made->weights.counts) identity += " " + std::to_string(count);
  }
  auto equal = by_hash_.find(identity);
  if (equal != by_hash_.end()) return masks_[key] = equal->second;
  Account(int64_t{8} * made->mask.words() * length);
  by_hash_[identity] = made;
  return masks_[key] = std::move(made);
}

std::shared_ptr<const KnownMask> MaskCache::Share(Mask mask) {
  auto made = std::make_shared<const KnownMask>(KnownMask::Of(std::move(mask)));
  auto& shared = by_hash_[std::string(made->hash.begin(), made->hash.end())];
  if (!shared) {
    shared = made;
    bytes_ += int64_t{8} * made->mask.words() * made->mask.length();
  }
  return shared;
}

std::shared_ptr<const Tiles> MaskCache::GetTiles(AttentionPath path, const Pattern& pattern,
                                                 const KnownMask& known,
                                                 const MaskContext& context) {
  const int n = known.mask.length();
  std::string key = kPathNames[static_cast<int>(path)] + Text({n});
  std::function<Tiles()> make;
  const Block* block = pattern.As<Block>();
  if (path == AttentionPath::kDense || (path == AttentionPath::kBlock && !block)) {
    if (!IsFull(known)) return nullptr;
    make = [&] { return DenseTiles(n); };
  } else if (path == AttentionPath::kBlock) {
    const int whole = block->over == Over::kMax ? context.max_length : n;
    const int size = (whole + block->n - 1) / block->n, shift = block->shift % block->n;
    key += Text({block->n, size, shift});
    make = [=] { return BlockTiles(n, block->n, size, shift); };
  } else if (path == AttentionPath::kWindow) {
    const Window* window = pattern.As<Window>();
    const int dilation = window ? window->dilation : 1;
    int w = -1;  // one-sided keys of the first row: how a density came out is not asked again
    for (int word = 0; word < known.mask.words(); ++word)
      w += std::popcount(known.mask.row(0)[word]);
    if (!window && !pattern.As<Self>() && !IsFull(known)) return nullptr;
    key += Text({w, dilation});
    make = [=] { return WindowTiles(n, w, dilation); };
  } else {
    key.append(known.hash.begin(), known.hash.end());
    for (int count : known.weights.counts) key += " " + std::to_string(count);
    make = [&] { return MaskTiles(known.mask, known.weights); };
  }
  auto found = tiles_.find(key);
  if (found != tiles_.end()) return found->second;
  auto made = std::make_shared<const Tiles>(make());
  Account(made->bytes());
  return tiles_[key] = std::move(made);
}

const char* AttentionPathName(AttentionPath path) { return kPathNames[static_cast<int>(path)]; }

Result<PathChoice> ParsePathChoice(const std::string& name) {
  if (name == "auto") return PathChoice::kAuto;
  for (int i = 0; i < 4; ++i) {
    if (name == kPathNames[i]) return static_cast<PathChoice>(i + 1);
  }
  return InvalidArgument("attention path \"" + name +
                         "\" is none of: auto, dense, block, window, masked");
}

bool LayerMasks::learned() const {
  return std::ranges::any_of(slots_,
                             [](const Slot& slot) { return slot.path == AttentionPath::kLearned; });
}

std::shared_ptr<const Tiles> LayerMasks::tiles(int slot, int length, int64_t example,
                                               Phase phase) const {
  const Slot& from = slots_[slot];
  if (from.examples) return from.examples->Get(from.item, example);
  return (phase == Phase::kTraining ? from.training : from.evaluation).at(length);
}

namespace {

// The path that measured best for what a head keeps (bench/README.md).
AttentionPath BestPath(const Pattern& pattern, bool all_full) {
  if (all_full) return AttentionPath::kDense;
  if (pattern.As<Block>()) return AttentionPath::kBlock;
  if (pattern.As<Window>() || pattern.As<Self>()) return AttentionPath::kWindow;
  return AttentionPath::kMasked;
}

Status CannotExpress(AttentionPath path, const Pattern& pattern, int layer, int head) {
  return InvalidArgument(std::string("path ") + AttentionPathName(path) + " cannot express " +
                         ToText(pattern) + " (layer " + std::to_string(layer) + " head " +
                         std::to_string(head) + "); leave the path to auto");
}

}  // namespace

Result<std::shared_ptr<const MaskPlan>> MaskPlan::Make(const Plan& plan,
                                                       const MaskPlanOptions& options,
                                                       const std::set<int>& lengths,
                                                       MaskCache& cache) {
  auto masks = std::make_shared<MaskPlan>();
  masks->patterns_ = plan.patterns();
  std::optional<AttentionPath> forced;
  if (options.choice != PathChoice::kAuto) {
    forced = static_cast<AttentionPath>(static_cast<int>(options.choice) - 1);
  }
  std::vector<ExampleTiles::Item> items;
  std::map<std::string, int> item_of;  // by pattern and what it draws
  std::vector<LayerMasks> made(plan.layers());
  for (int layer = 0; layer < plan.layers(); ++layer) {
    for (int head = 0; head < plan.heads(); ++head) {
      const Pattern& pattern = masks->patterns_[plan.index(layer, head)];
      MaskContext context;
      context.mask_seed = options.mask_seed;
      context.layer = layer;
      context.head = head;
      context.max_length = plan.context().max_length;
      context.heads = plan.heads();
      LayerMasks::Slot wanted;
      if (IsPerExample(pattern)) {
        if (!options.examples) {
          return InvalidArgument(ToText(pattern) +
                                 " is each example's own: it needs the examples' masks");
        }
        wanted.path = forced.value_or(AttentionPath::kMasked);
        if (wanted.path != AttentionPath::kMasked)
          return CannotExpress(wanted.path, pattern, layer, head);
        auto [found, added] =
            item_of.emplace(ToText(pattern) + ContextKey(pattern, context), items.size());
        if (added) items.push_back({&pattern, context});
        wanted.item = found->second;
      } else if (IsLearned(pattern) && !options.learned) {
        wanted.path = AttentionPath::kLearned;
        for (int length : lengths) {
          const auto nothing = cache.Share(Mask(length));
          wanted.training[length] = wanted.evaluation[length] =
              cache.GetTiles(AttentionPath::kMasked, pattern, *nothing, context);
        }
      } else {
        Status status = Fill(pattern, options, forced, lengths, context, cache, &wanted);
        if (!status.ok()) return status;
      }
      // Equal means equal tiles (one object in the cache) on one path, not equal patterns:
      // `window(9)` and `dense` share where no text is longer than ten tokens.
      int slot = 0;
      while (slot < made[layer].slots() && !(made[layer].slots_[slot] == wanted)) ++slot;
      if (slot == made[layer].slots()) made[layer].slots_.push_back(std::move(wanted));
      made[layer].slot_of_head_.push_back(slot);
    }
  }
  if (!items.empty()) {
    masks->examples_ = std::make_shared<ExampleTiles>(options.examples, std::move(items));
  }
  for (LayerMasks& layer : made) {
    for (LayerMasks::Slot& slot : layer.slots_) {
      if (slot.item >= 0) slot.examples = masks->examples_;
    }
    std::shared_ptr<const LayerMasks> shared;
    for (const auto& earlier : masks->layers_) {
      if (*earlier == layer) shared = earlier;
    }
    masks->layers_.push_back(shared ? shared
                                    : std::make_shared<const LayerMasks>(std::move(layer)));
  }
  return std::shared_ptr<const MaskPlan>(std::move(masks));
}

Status MaskPlan::Fill(const Pattern& pattern, const MaskPlanOptions& options,
                      const std::optional<AttentionPath>& forced, const std::set<int>& lengths,
                      const MaskContext& context, MaskCache& cache, LayerMasks::Slot* slot) {
  std::map<int, std::shared_ptr<const KnownMask>> known[2];
  bool all_full = true;
  const bool learned = IsLearned(pattern);
  MaskContext of[2] = {context, context};
  of[1].phase = Phase::kEvaluation;
  for (int length : lengths) {
    for (int phase : {0, 1}) {
      known[phase][length] = learned ? cache.Share(options.learned(pattern, length, of[phase]))
                                     : cache.Get(pattern, length, of[phase]);
      all_full &= IsFull(*known[phase][length]) && known[phase][length]->weights.blocks == 0;
    }
  }
  slot->path = forced.value_or(BestPath(pattern, all_full));  // a hardened mask is a plain mask
  for (int phase : {0, 1}) {
    for (int length : lengths) {
      const KnownMask& mask = *known[phase][length];
      auto tiles = cache.GetTiles(slot->path, pattern, mask, of[phase]);
      if (!tiles || (mask.weights.blocks && slot->path != AttentionPath::kMasked))
        return CannotExpress(slot->path, pattern, context.layer, context.head);
      (phase == 0 ? slot->training : slot->evaluation)[length] = std::move(tiles);
    }
  }
  return {};
}

void MaskPlan::Prefetch(const std::vector<int64_t>& examples) const {
  if (examples_) examples_->Prefetch(examples);
}

double MaskPlan::waited_seconds() const { return examples_ ? examples_->waited_seconds() : 0; }

bool MaskPlan::forgot() const { return examples_ && examples_->forgot(); }

}  // namespace sparsweep
