#include "attention/example_masks.h"

#include <chrono>

namespace sparsweep {

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
  Mask mask = source_(*item.pattern, item.context, key.first);
  const Digest hash = mask.Sha256();
  std::shared_ptr<const Tiles> made;
  {
    std::lock_guard lock(mutex_);
    made = by_hash_[hash].lock();
  }
  const bool shared = made != nullptr;
  if (!shared) made = std::make_shared<const Tiles>(MaskTiles(mask));
  std::lock_guard lock(mutex_);
  by_hash_[hash] = made;
  tiles_[key] = made;
  ++built_;
  constexpr int64_t kPerKey = 200;  // of the two maps and the order
  const int64_t bytes = kPerKey + (shared ? 0 : made->bytes());
  order_.emplace_back(key, bytes);
  bytes_ += bytes;
  while (bytes_ > max_bytes_ && order_.size() > 1) {
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

int64_t ExampleTiles::built() const {
  std::lock_guard lock(mutex_);
  return built_;
}

}  // namespace sparsweep
