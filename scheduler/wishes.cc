// What a sweep wants of its trials: all of them as long as it is open, but those that a person
// cancelled or paused. A trial runs while any sweep wants it.
#include <algorithm>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {
namespace {

bool Open(TrialState state) {
  return state == TrialState::kQueued || state == TrialState::kRunning;
}

}  // namespace

Wish Scheduler::State::WishOf(SweepId sweep, TrialId id) const {
  if (!trials[id].has_wishes) return Wish::kWanted;
  const auto it = wishes.find({sweep, id});
  return it == wishes.end() ? Wish::kWanted : it->second;
}

bool Scheduler::State::Wants(SweepId sweep, TrialId id) const {
  return !sweeps.at(sweep).closed && WishOf(sweep, id) != Wish::kDropped;
}

bool Scheduler::State::Wanted(TrialId id) const {
  return std::ranges::any_of(trials[id].interests,
                             [&](const Interest& i) { return Wants(i.sweep, id); });
}

bool Scheduler::State::InLane(SweepId sweep, TrialId id) const {
  if (sweeps.at(sweep).closed) return false;
  const Wish wish = WishOf(sweep, id);
  return wish == Wish::kWanted || (wish == Wish::kPaused && !On(Mechanism::kPause));
}

TrialState Scheduler::State::SeenBy(SweepId sweep, TrialId id) const {
  const TrialState state = trials[id].state;
  return Open(state) && !Wants(sweep, id) ? TrialState::kCancelled : state;
}

const Interest* Scheduler::State::InterestOf(SweepId sweep, TrialId id) const {
  for (const Interest& interest : trials[id].interests) {
    if (interest.sweep == sweep) return &interest;
  }
  return nullptr;
}

// The ledger and the lane follow; what becomes of the trial is the caller's.
void Scheduler::State::SetWish(Step& step, SweepId sweep, TrialId id, Wish wish) {
  if (WishOf(sweep, id) == wish) return;
  Trial& trial = trials[id];
  Coverage& coverage = sweeps.at(sweep).coverage;
  const Place place = InterestOf(sweep, id)->place;
  const bool ready = trial.state == TrialState::kQueued && !waiting.contains(id);
  Count(coverage, SeenBy(sweep, id), -1);
  if (wish == Wish::kWanted) {
    wishes.erase({sweep, id});
  } else {
    wishes[{sweep, id}] = wish;
  }
  trial.has_wishes = std::ranges::any_of(
      trial.interests, [&](const Interest& i) { return wishes.contains({i.sweep, id}); });
  Count(coverage, SeenBy(sweep, id), 1);
  queue.Remove(sweep, place, id);
  if (ready && InLane(sweep, id)) queue.Add(sweep, place, id);
  step.touched.insert(sweep);
  step.effects.push_back(InterestChanged{sweep, id, wish});
}

void Scheduler::State::StopUnwanted(Step& step, TrialId id, const std::string& why) {
  const TrialState state = trials[id].state;
  if (!Open(state) || Wanted(id)) return;
  if (state == TrialState::kRunning) GiveUp(step, id, AttemptState::kCancelled, {}, why);
  Move(step, id, TrialState::kCancelled, {}, why);
}

void Scheduler::State::Reopen(Step& step, SweepId id, Sweep& sweep) {
  sweep.closed = false;
  sweep.reopened = true;
  untidy.erase(id);
  OpenLane(id, sweep);
  for (const TrialId trial : sweep.trials) {
    const TrialState state = trials[trial].state;
    if (!Wants(id, trial)) continue;
    if (Open(state)) {
      Count(sweep.coverage, TrialState::kCancelled, -1);
      Count(sweep.coverage, state, 1);
      if (state == TrialState::kQueued && !waiting.contains(trial)) Enqueue(trial);
    } else if (state == TrialState::kCancelled) {
      Move(step, trial, TrialState::kQueued);
    }
  }
  step.touched.insert(id);
}

}  // namespace sparsweep
