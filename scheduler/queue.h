// In which order queued trials run: sweep priority, then fair share among sweeps, then baseline
// cells, one seed of every cell before the second of any, and the order of cells.
//
// Fair share is start-time fair queueing with equal weights: a lane's `turns` count its leases, the
// lane with the fewest goes first, and a lane that was idle starts where its priority's clock is,
// so that it neither catches up on its absence nor waits for others to. A trial stands in the lane
// of every sweep that wants it. Every operation is O(log n). Not here: what a trial is.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "scheduler/ids.h"

namespace sparsweep {

// Where a trial stands in one sweep. Smaller runs earlier.
struct Place {
  uint64_t cell = 0;
  int seed_rank = 0;
  bool is_baseline = false;
  std::strong_ordering operator<=>(const Place& other) const {
    return std::tuple(!is_baseline, seed_rank, cell) <=>
           std::tuple(!other.is_baseline, other.seed_rank, other.cell);
  }
  bool operator==(const Place&) const = default;
};

class Queue {
 public:
  struct Pick {
    SweepId sweep = 0;
    TrialId trial = 0;
  };

  // Whether trials of this sweep are handed out; they stay in their lane while not.
  void Open(SweepId sweep, int64_t priority);
  void Close(SweepId sweep);

  void Add(SweepId sweep, const Place& place, TrialId trial);
  void Remove(SweepId sweep, const Place& place, TrialId trial);

  // Whether no open lane holds a trial.
  bool empty() const { return ready_.empty(); }
  // The first trial in order that fits. Nothing is removed.
  std::optional<Pick> First(const std::function<bool(TrialId)>& fits) const;
  // The sweep has had a turn.
  void Charge(SweepId sweep);

 private:
  struct Entry {
    Place place;
    TrialId trial = 0;
    auto operator<=>(const Entry&) const = default;
  };
  struct Lane {
    int64_t priority = 0;
    bool open = false;
    uint64_t turns = 0;
    std::set<Entry> entries;
  };
  using Rank = std::tuple<int64_t, uint64_t, SweepId>;  // -priority, turns, sweep

  static Rank RankOf(SweepId sweep, const Lane& lane) {
    return {-lane.priority, lane.turns, sweep};
  }
  void Enter(SweepId sweep, Lane& lane);  // if it is open and holds something
  void Leave(SweepId sweep, Lane& lane);

  std::map<SweepId, Lane> lanes_;
  std::set<Rank> ready_;
  std::map<int64_t, uint64_t> clock_;  // by priority: turns of the lane served last
};

}  // namespace sparsweep
