// The order of queued trials.
#include "scheduler/queue.h"

#include <algorithm>

namespace sparsweep {

void Queue::Open(SweepId sweep, int64_t priority) {
  Lane& lane = lanes_[sweep];
  Leave(sweep, lane);
  lane.priority = priority;
  lane.open = true;
  Enter(sweep, lane);
}

void Queue::Close(SweepId sweep) {
  Lane& lane = lanes_[sweep];
  Leave(sweep, lane);
  lane.open = false;
}

void Queue::Add(SweepId sweep, const Place& place, TrialId trial) {
  Lane& lane = lanes_[sweep];
  const bool was_empty = lane.entries.empty();
  lane.entries.insert({place, trial});
  if (was_empty) Enter(sweep, lane);
}

void Queue::Remove(SweepId sweep, const Place& place, TrialId trial) {
  Lane& lane = lanes_[sweep];
  lane.entries.erase({place, trial});
  if (lane.entries.empty()) Leave(sweep, lane);
}

std::optional<Queue::Pick> Queue::First(const std::function<bool(TrialId)>& fits) const {
  for (const Rank& rank : ready_) {
    const SweepId sweep = std::get<2>(rank);
    for (const Entry& entry : lanes_.at(sweep).entries) {
      if (fits(entry.trial)) return Pick{sweep, entry.trial};
    }
  }
  return std::nullopt;
}

void Queue::Charge(SweepId sweep) {
  Lane& lane = lanes_[sweep];
  Leave(sweep, lane);
  clock_[lane.priority] = std::max(clock_[lane.priority], lane.turns);
  ++lane.turns;
  if (lane.open && !lane.entries.empty()) ready_.insert(RankOf(sweep, lane));
}

void Queue::Enter(SweepId sweep, Lane& lane) {
  if (!lane.open || lane.entries.empty()) return;
  lane.turns = std::max(lane.turns, clock_[lane.priority]);
  ready_.insert(RankOf(sweep, lane));
}

void Queue::Leave(SweepId sweep, Lane& lane) { ready_.erase(RankOf(sweep, lane)); }

}  // namespace sparsweep
