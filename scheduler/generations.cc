// Which trial an identity means.
//
// Nearly always there is one. A sweep that asks for new runs (`fresh`) gets another trial of the
// same identity, the next generation; sweeps that come later join the newest, and those that hold
// an older one keep it, with its result. So a trial has at most one accepted result for ever, and
// nobody's result changes because somebody else wanted to see it again.
#include "scheduler/state.h"

namespace sparsweep {

TrialId Scheduler::State::AddTrial(const Digest& identity, std::optional<TrialId> newest) {
  if (trials.empty()) trials.emplace_back();
  const TrialId id = static_cast<TrialId>(trials.size());
  Trial& trial = trials.emplace_back();
  trial.identity = identity;
  trial.exists = true;
  Enlist(id, newest ? GenerationOf(*newest) + 1 : 1, newest);
  return id;
}

void Scheduler::State::Enlist(TrialId id, int generation, std::optional<TrialId> older) {
  if (older) by_identity.Remove(*older);
  by_identity.Add(id);
  if (older || generation > 1) generations[id] = {generation, older.value_or(0)};
}

void Scheduler::State::Forget(TrialId id) {
  const auto own = generations.find(id);
  const TrialId older = own == generations.end() ? 0 : own->second.older;
  TrialId newer = *by_identity.Find(trials[id].identity);
  if (newer == id) {
    by_identity.Remove(id);
    if (older != 0) by_identity.Add(older);
  } else {
    while (generations.at(newer).older != id) newer = generations.at(newer).older;
    generations.at(newer).older = older;
  }
  generations.erase(id);
  fences.erase(id);
  refused.erase(id);
  unsettled.erase(unsettled.lower_bound({id, 0}), unsettled.lower_bound({id + 1, 0}));
  trials[id] = Trial{};
}

int Scheduler::State::GenerationOf(TrialId id) const {
  const auto it = generations.find(id);
  return it == generations.end() ? 1 : it->second.number;
}

std::optional<TrialId> Scheduler::State::TrialFor(SweepId sweep,
                                                  std::optional<TrialId> newest) const {
  if (!newest) return std::nullopt;
  for (TrialId id = *newest; id != 0;) {
    if (InterestOf(sweep, id) != nullptr) return id;
    const auto it = generations.find(id);
    id = it == generations.end() ? 0 : it->second.older;
  }
  if (sweeps.at(sweep).options.fresh) return std::nullopt;
  return newest;
}

}  // namespace sparsweep
