// Masks that are each example's own (of its words, or drawn for it), as tiles: built by a thread in
// the background ahead of the training thread, kept up to a bound, equal ones stored once.
//
// Not here: what an example's mask is (the ExampleMasks source). Any thread may call.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "attention/known_mask.h"
#include "attention/tiles.h"

namespace sparsweep {

// The mask of one example, for patterns that are each example's own: BuildMask with the example's
// words and key in the context. `example` is an index into the trial's table (train first, then
// dev, then test). Any thread may call.
using ExampleMasks = std::function<std::shared_ptr<const KnownMask>(
    const Pattern&, const MaskContext&, int64_t example)>;

// From a function that builds them, which is called by one thread at a time. A mask that somebody
// still holds, or one of the last `recent_bytes` of them, is not built again: the operator and the
// attestation that asks it share theirs.
ExampleMasks SharedExampleMasks(
    std::function<Mask(const Pattern&, const MaskContext&, int64_t example)> build,
    int64_t recent_bytes = int64_t{1} << 25);

class ExampleTiles {
 public:
  // What differs between the heads and layers of one example.
  struct Item {
    const Pattern* pattern;
    MaskContext context;
  };

  ExampleTiles(ExampleMasks source, std::vector<Item> items, int64_t max_bytes = int64_t{1} << 28);
  ~ExampleTiles();
  ExampleTiles(const ExampleTiles&) = delete;
  ExampleTiles& operator=(const ExampleTiles&) = delete;

  // All items of these examples, after those that were asked for before.
  void Prefetch(const std::vector<int64_t>& examples);
  // Builds it here and now where the background has not yet.
  std::shared_ptr<const Tiles> Get(int item, int64_t example);

  double waited_seconds() const;
  int64_t built() const;
  bool forgot() const;  // whether the bound was met: what was forgotten is built again

 private:
  using Key = std::pair<int64_t, int>;  // example, item
  struct HashKey {
    size_t operator()(const Key& key) const {
      return (static_cast<size_t>(key.first) * 1024 + key.second) * 0x9E3779B97F4A7C15u;
    }
  };
  struct HashDigest {
    size_t operator()(const Digest& digest) const;
  };

  std::shared_ptr<const Tiles> Find(const Key& key) const;
  std::shared_ptr<const Tiles> Build(const Key& key);
  void Work();

  const ExampleMasks source_;
  const std::vector<Item> items_;
  const int64_t max_bytes_;

  std::mutex building_;       // one mask at a time, once; taken before mutex_
  mutable std::mutex mutex_;  // what follows
  std::condition_variable wake_;
  std::deque<int64_t> queue_;
  std::unordered_map<Key, std::shared_ptr<const Tiles>, HashKey> tiles_;
  std::deque<std::pair<Key, int64_t>> order_;  // as built, with bytes: the oldest go first
  std::unordered_map<Digest, std::weak_ptr<const Tiles>, HashDigest> by_hash_;
  int64_t bytes_ = 0, built_ = 0;
  double waited_ = 0;
  bool stop_ = false, forgot_ = false;
  std::thread thread_;
};

}  // namespace sparsweep
