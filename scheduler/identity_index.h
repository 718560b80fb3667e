// Which trial has an identity (the newest, where there are several generations). Split by the identity's last byte, so that growing one part never
// holds the loop for long: rehashing a million entries at once took 0.2 s.
#pragma once

#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "scheduler/digest.h"
#include "scheduler/ids.h"

namespace sparsweep {

// Holds numbers only; the digests are in `trials`, by number, which must outlive it.
template <typename Trial>
class IdentityIndex {
 public:
  explicit IdentityIndex(const std::deque<Trial>& trials)
      : trials_(trials), parts_(256, Part(0, Hash{&trials}, Equal{&trials})) {}

  void Add(TrialId id) { parts_[trials_[id].identity.back()].insert(id); }
  void Remove(TrialId id) { parts_[trials_[id].identity.back()].erase(id); }
  std::optional<TrialId> Find(const Digest& identity) const {
    const auto& part = parts_[identity.back()];
    const auto it = part.find(identity);
    if (it == part.end()) return std::nullopt;
    return *it;
  }

 private:
  struct Hash {
    using is_transparent = void;
    const std::deque<Trial>* trials;
    size_t operator()(TrialId id) const { return HashOf((*trials)[id].identity); }
    size_t operator()(const Digest& digest) const { return HashOf(digest); }
  };
  struct Equal {
    using is_transparent = void;
    const std::deque<Trial>* trials;
    bool operator()(TrialId a, TrialId b) const { return a == b; }
    bool operator()(TrialId a, const Digest& b) const { return (*trials)[a].identity == b; }
    bool operator()(const Digest& a, TrialId b) const { return (*this)(b, a); }
  };
  using Part = std::unordered_set<TrialId, Hash, Equal>;

  const std::deque<Trial>& trials_;
  std::vector<Part> parts_;
};

}  // namespace sparsweep
