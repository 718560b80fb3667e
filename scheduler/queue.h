// In which order queued trials run: sweep priority, then fair share among sweeps, then baseline
// cells, one seed of every cell before the second of any, and the order of cells.
//
// Fair share is start-time fair queueing by weight: a turn of a lane costs 1/weight of virtual
// time, the lane that is least far goes first, and one that was idle starts where its group is, so
// that it neither catches up on its absence nor waits for others to. A trial stands in the lane of
// every sweep that wants it. Lanes of equal needs form a group, so that a worker is offered only
// what it could take without looking at anything else. A group that fitted no free worker while
// others went ahead starts where their clock is as a whole: its lanes keep their distances, else
// the pace of other groups would decide how they share. Every operation is O(log n). Not here: what
// a trial is, what a worker is.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

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
  struct Share {
    int64_t priority = 0;
    double weight = 1;
    int group = 0;
  };
  struct Pick {
    SweepId sweep = 0;
    TrialId trial = 0;
    int group = 0;
  };

  // Whether trials of this sweep are handed out; they stay in their lane while not.
  void Open(SweepId sweep, const Share& share);
  void Close(SweepId sweep);
  // The lane and all that stands in it.
  void Forget(SweepId sweep);

  void Add(SweepId sweep, const Place& place, TrialId trial);
  void Remove(SweepId sweep, const Place& place, TrialId trial);

  // Whether no open lane holds a trial.
  bool empty() const { return ready_lanes_ == 0; }
  // The first trial in order, among the lanes of these groups, that fits. Nothing is removed.
  std::optional<Pick> First(const std::vector<int>& groups,
                            const std::function<bool(TrialId, int group)>& fits) const;
  // The sweep has had a turn.
  void Charge(SweepId sweep);

 private:
  struct Entry {
    Place place;
    TrialId trial = 0;
    auto operator<=>(const Entry&) const = default;
  };
  struct Lane {
    Share share;
    bool open = false;
    int64_t time = 0;  // virtual, of its group, in millionths of a turn of weight 1
    std::set<Entry> entries;
  };
  using Rank = std::tuple<int64_t, int64_t, SweepId>;  // -priority, time, sweep
  using Ready = std::set<Rank>;                        // open lanes that hold something
  // Of the lanes of one group and priority.
  struct Pace {
    int64_t served = 0;   // time of the lane served last
    int64_t skipped = 0;  // from their time to their priority's
  };

  static Rank RankOf(SweepId sweep, const Lane& lane) {
    return {-lane.share.priority, lane.time, sweep};
  }
  Pace& PaceOf(const Lane& lane) { return paces_[{lane.share.priority, lane.share.group}]; }
  Rank Among(int group, Rank rank) const;  // the group's rank among those of other groups
  void Enter(SweepId sweep, Lane& lane);   // if it is open and holds something
  void Leave(SweepId sweep, Lane& lane);

  std::map<SweepId, Lane> lanes_;
  std::vector<Ready> ready_;          // by group
  size_t ready_lanes_ = 0;            // in all groups
  std::map<int64_t, int64_t> clock_;  // by priority: time of the lane served last
  std::map<std::pair<int64_t, int>, Pace> paces_;  // by priority and group
};

}  // namespace sparsweep
