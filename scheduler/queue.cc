// The order of queued trials.
#include "scheduler/queue.h"

#include <algorithm>
#include <cmath>

#include "scheduler/mechanism.h"

namespace sparsweep {
namespace {

constexpr double kTurn = 1e6;

Place Standing(const Place& place) { return On(Mechanism::kOrder) ? place : Place(); }

}  // namespace

void Queue::Open(SweepId sweep, const Share& share) {
  Lane& lane = lanes_[sweep];
  Leave(sweep, lane);
  if (lane.share.priority != share.priority) lane.time = 0;  // another clock: starts where it is
  lane.share = share;
  if (!On(Mechanism::kPriority)) lane.share.priority = 0;
  lane.open = true;
  Enter(sweep, lane);
}

void Queue::Close(SweepId sweep) {
  Lane& lane = lanes_[sweep];
  Leave(sweep, lane);
  lane.open = false;
}

void Queue::Forget(SweepId sweep) {
  const auto lane = lanes_.find(sweep);
  if (lane == lanes_.end()) return;
  Leave(sweep, lane->second);
  lanes_.erase(lane);
}

void Queue::Add(SweepId sweep, const Place& place, TrialId trial) {
  Lane& lane = lanes_[sweep];
  const bool was_empty = lane.entries.empty();
  // A grid comes in this order.
  lane.entries.insert(lane.entries.end(), {Standing(place), trial});
  if (was_empty) Enter(sweep, lane);
}

void Queue::Remove(SweepId sweep, const Place& place, TrialId trial) {
  const auto lane = lanes_.find(sweep);
  if (lane == lanes_.end()) return;
  lane->second.entries.erase({Standing(place), trial});
  if (lane->second.entries.empty()) Leave(sweep, lane->second);
}

Queue::Rank Queue::Among(int group, Rank rank) const {
  const auto pace = paces_.find({-std::get<0>(rank), group});
  if (pace != paces_.end()) std::get<1>(rank) += pace->second.skipped;
  return rank;
}

std::optional<Queue::Pick> Queue::First(const std::vector<int>& groups,
                                        const std::function<bool(TrialId, int)>& fits) const {
  struct Head {
    int group;
    Ready::const_iterator next, end;
    Rank rank;
  };
  std::vector<Head> heads;
  for (const int group : groups) {
    if (group >= static_cast<int>(ready_.size()) || ready_[group].empty()) continue;
    const Ready& ready = ready_[group];
    heads.push_back({group, ready.begin(), ready.end(), Among(group, *ready.begin())});
  }
  while (!heads.empty()) {
    const auto first = std::ranges::min_element(heads, {}, &Head::rank);
    const SweepId sweep = std::get<2>(*first->next);
    const Lane& lane = lanes_.at(sweep);
    for (const Entry& entry : lane.entries) {
      if (fits(entry.trial, lane.share.group)) return Pick{sweep, entry.trial, lane.share.group};
    }
    if (++first->next == first->end) {
      heads.erase(first);
    } else {
      first->rank = Among(first->group, *first->next);
    }
  }
  return std::nullopt;
}

void Queue::Charge(SweepId sweep) {
  if (!On(Mechanism::kTurns)) return;
  Lane& lane = lanes_[sweep];
  Leave(sweep, lane);
  Pace& pace = PaceOf(lane);
  pace.served = std::max(pace.served, lane.time);
  int64_t& clock = clock_[lane.share.priority];
  pace.skipped = std::max(pace.skipped, clock - pace.served);
  clock = pace.served + pace.skipped;
  lane.time = pace.served + std::llround(kTurn / lane.share.weight);
  Enter(sweep, lane);
}

void Queue::Enter(SweepId sweep, Lane& lane) {
  if (!lane.open || lane.entries.empty()) return;
  lane.time = std::max(lane.time, PaceOf(lane).served);
  if (lane.share.group >= static_cast<int>(ready_.size())) ready_.resize(lane.share.group + 1);
  ready_lanes_ += ready_[lane.share.group].insert(RankOf(sweep, lane)).second;
}

void Queue::Leave(SweepId sweep, Lane& lane) {
  if (lane.share.group >= static_cast<int>(ready_.size())) return;
  ready_lanes_ -= ready_[lane.share.group].erase(RankOf(sweep, lane));
}

}  // namespace sparsweep
