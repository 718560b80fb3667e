// How often each fault met each state.
#include "tests/scheduler/simulation/encounters.h"

#include <cstdio>

namespace sparsweep::testing {

void Encounters::Look(const StoreModel& store) {
  here_.fill(false);
  for (const auto& [id, trial] : store.trials()) {
    here_[static_cast<size_t>(trial.state)] = true;
    for (const auto& [number, attempt] : trial.attempts) {
      here_[5] |= attempt.state == AttemptState::kLost;
    }
    here_[6] |= !trial.stale.empty();
  }
  for (const auto& [id, sweep] : store.sweeps()) {
    const bool stopped = sweep.closed && sweep.state == SweepState::kFailed;
    here_[stopped ? 13 : 7 + static_cast<size_t>(sweep.state)] = true;
    here_[14] |= !sweep.waiting_for.empty();
    for (const auto& [trial, interest] : sweep.interests) {
      here_[15] |= interest.wish == Wish::kPaused;
      here_[16] |= interest.wish == Wish::kDropped;
    }
  }
  for (const auto& [name, worker] : store.workers()) {
    for (size_t i = 17; i < kStates.size(); ++i) {
      here_[i] |= "worker " + worker.state == kStates[i];
    }
  }
}

void Encounters::Count(const std::string& fault) {
  Row& row = met_[fault];
  for (size_t i = 0; i < kStates.size(); ++i) row[i] += here_[i];
  ++row[kStates.size()];
}

void Encounters::Add(const Encounters& other) {
  for (const auto& [fault, row] : other.met_) {
    Row& mine = met_[fault];
    for (size_t i = 0; i < row.size(); ++i) mine[i] += row[i];
  }
}

std::string Encounters::Table() const {
  std::string table;
  char cell[64];
  for (size_t i = 0; i < kStates.size(); ++i) {
    std::snprintf(cell, sizeof cell, "%c: %s\n", static_cast<char>('a' + i), kStates[i]);
    table += cell;
  }
  std::snprintf(cell, sizeof cell, "%-28s %8s", "", "times");
  table += cell;
  for (size_t i = 0; i < kStates.size(); ++i) {
    std::snprintf(cell, sizeof cell, " %7c", static_cast<char>('a' + i));
    table += cell;
  }
  for (const auto& [fault, row] : met_) {
    std::snprintf(cell, sizeof cell, "\n%-28s %8d", fault.c_str(), row.back());
    table += cell;
    for (size_t i = 0; i < kStates.size(); ++i) {
      std::snprintf(cell, sizeof cell, " %7d", row[i]);
      table += cell;
    }
  }
  return table + "\n";
}

std::string Encounters::Missing(int often) const {
  for (const auto& [fault, row] : met_) {
    if (row.back() < often) continue;
    for (size_t i = 0; i < kStates.size(); ++i) {
      if (row[i] == 0) return fault + " never met " + kStates[i];
    }
  }
  return {};
}

}  // namespace sparsweep::testing
