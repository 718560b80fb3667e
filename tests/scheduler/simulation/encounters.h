// How often each fault met each state: a simulation that never killed a server while a sweep was
// paused has shown nothing about it.
#pragma once

#include <array>
#include <map>
#include <string>

#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

class Encounters {
 public:
  static constexpr std::array kStates{
      "trial queued",    "trial running",   "trial succeeded",  "trial failed",
      "trial cancelled", "attempt lost",    "result stale",     "sweep expanding",
      "sweep running",   "sweep paused",    "sweep succeeded",  "sweep failed",
      "sweep cancelled", "sweep stopped",   "sweep waiting",    "interest paused",
      "interest dropped", "worker online",  "worker draining",  "worker lost",
      "worker left",     "worker quarantined"};

  // What the rows hold now; the faults until the next call meet it.
  void Look(const StoreModel& store);
  void Count(const std::string& fault);
  void Add(const Encounters& other);
  // A table: one line per fault, how often it happened, and how often in presence of each state.
  std::string Table() const;
  // The first pair that never met, among faults that happened at least `often` times.
  std::string Missing(int often) const;
  bool operator==(const Encounters& other) const { return met_ == other.met_; }

 private:
  using Row = std::array<int, kStates.size() + 1>;  // the last one: how often in all
  std::array<bool, kStates.size()> here_{};
  std::map<std::string, Row> met_;
};

}  // namespace sparsweep::testing
