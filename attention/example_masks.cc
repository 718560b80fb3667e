#include "attention/example_masks.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace sparsweep {
namespace {

// The masks that are in use or were just made, by whose they are: a table that overwrites and never
// grows.
class InUse {
 public:
  InUse(std::function<Mask(const Pattern&, const MaskContext&, int64_t)> build,
        int64_t recent_bytes)
      : build_(std::move(build)), max_recent_bytes_(recent_bytes), slots_(kSlots) {}

  std::shared_ptr<const KnownMask> Get(const Pattern& pattern, MaskContext context,
                                       int64_t example) {
    if (!DependsOnPhase(pattern)) context.phase = Phase::kTraining;
    std::lock_guard lock(mutex_);
    const int number = NumberOf(pattern);
    const Key key{example, number, context.layer, context.head, context.phase, context.mask_seed};
    Slot& slot = slots_[(static_cast<size_t>(example) * 131 + context.layer * 17 + context.head +
                         number * 5) %
                        kSlots];
    if (slot.key == key) {
      if (auto known = slot.known.lock()) return known;
    }
    auto made = std::make_shared<const KnownMask>(KnownMask::Of(build_(pattern, context, example)));
    slot = {key, made};
    const int64_t bytes = int64_t{made->mask.length()} * made->mask.words() * 8 + kPerMask;
    recent_.emplace_back(made, bytes);
    for (recent_bytes_ += bytes; recent_bytes_ > max_recent_bytes_; recent_.pop_front()) {
      recent_bytes_ -= recent_.front().second;
    }
    return made;
  }

 private:
  static constexpr size_t kSlots = 1 << 14;
  static constexpr int64_t kPerMask = 200;
  struct Key {
    int64_t example = -1;
    int pattern = 0, layer = 0, head = 0;
    Phase phase = Phase::kTraining;
    uint64_t mask_seed = 0;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    Key key;
    std::weak_ptr<const KnownMask> known;
  };

  int NumberOf(const Pattern& pattern) {
    const auto found = std::find(patterns_.begin(), patterns_.end(), pattern);
    const auto number = static_cast<int>(found - patterns_.begin());
    if (found == patterns_.end()) patterns_.push_back(pattern);
    return number;
  }

  const std::function<Mask(const Pattern&, const MaskContext&, int64_t)> build_;
  const int64_t max_recent_bytes_;
  std::mutex mutex_;
  std::vector<Pattern> patterns_;
  std::vector<Slot> slots_;
  std::deque<std::pair<std::shared_ptr<const KnownMask>, int64_t>> recent_;  // with their bytes
  int64_t recent_bytes_ = 0;
};

}  // namespace

ExampleMasks SharedExampleMasks(
    std::function<Mask(const Pattern&, const MaskContext&, int64_t example)> build,
    int64_t recent_bytes) {
  auto in_use = std::make_shared<InUse>(std::move(build), recent_bytes);
  return [in_use](const Pattern& pattern, const MaskContext& context, int64_t example) {
    return in_use->Get(pattern, context, example);
  };
}

size_t ExampleTiles::HashDigest::operator()(const Digest& digest) const {
  size_t hash;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

ExampleTiles::ExampleTiles(ExampleMasks source, std::vector<Item> items, int64_t max_bytes)
    : source_(std::move(source)),
      items_(std::move(items)),
      max_bytes_(max_bytes),
      thread_([this] { Work(); }) {}

ExampleTiles::~ExampleTiles() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ExampleTiles::Prefetch(const std::vector<int64_t>& examples) {
  {
    std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), examples.begin(), examples.end());
  }
  wake_.notify_one();
}

std::shared_ptr<const Tiles> ExampleTiles::Find(const Key& key) const {
  std::lock_guard lock(mutex_);
  auto found = tiles_.find(key);
  return found == tiles_.end() ? nullptr : found->second;
}

std::shared_ptr<const Tiles> ExampleTiles::Get(int item, int64_t example) {
  const Key key{example, item};
  if (auto found = Find(key)) return found;
  const auto start = std::chrono::steady_clock::now();
  auto made = Build(key);
  std::lock_guard lock(mutex_);
  waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return made;
}

std::shared_ptr<const Tiles> ExampleTiles::Build(const Key& key) {
  std::lock_guard building(building_);
  if (auto found = Find(key)) return found;  // while this thread waited
  const Item& item = items_[key.second];
  const auto known = source_(*item.pattern, item.context, key.first);
  std::shared_ptr<const Tiles> made;
  {
    std::lock_guard lock(mutex_);
    auto found = by_hash_.find(known->hash);
    if (found != by_hash_.end()) made = found->second.lock();
  }
  const bool shared = made != nullptr;
  if (!shared) made = std::make_shared<const Tiles>(MaskTiles(known->mask));
  std::lock_guard lock(mutex_);
  if (!shared) by_hash_[known->hash] = made;
  tiles_[key] = made;
  ++built_;
  constexpr int64_t kPerKey = 200;  // of the two maps and the order
  const int64_t bytes = kPerKey + (shared ? 0 : made->bytes());
  order_.emplace_back(key, bytes);
  bytes_ += bytes;
  while (bytes_ > max_bytes_ && order_.size() > 1) {
    forgot_ = true;
    tiles_.erase(order_.front().first);
    bytes_ -= order_.front().second;
    order_.pop_front();
    if (by_hash_.size() > 2 * tiles_.size() + 64) {
      std::erase_if(by_hash_, [](const auto& entry) { return entry.second.expired(); });
    }
  }
  return made;
}

void ExampleTiles::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    const int64_t example = queue_.front();
    queue_.pop_front();
    lock.unlock();
    for (int item = 0; item < static_cast<int>(items_.size()); ++item) Build({example, item});
    lock.lock();
  }
}

double ExampleTiles::waited_seconds() const {
  std::lock_guard lock(mutex_);
  return waited_;
}

bool ExampleTiles::forgot() const {
  std::lock_guard lock(mutex_);
  return forgot_;
}

int64_t ExampleTiles::built() const {
  std::lock_guard lock(mutex_);
  return built_;
}

}  // namespace sparsweep
