#include "tests/scheduler/simulation/happenings.h"

#include <algorithm>
#include <variant>

#include "tests/scheduler/environment.h"

namespace sparsweep::testing {

std::optional<std::string> HappeningOf(const Effect& effect) {
  if (const auto* ended = std::get_if<AttemptEnded>(&effect)) {
    return std::string("attempt ") + Name(ended->state);
  }
  if (const auto* leased = std::get_if<AttemptLeased>(&effect)) {
    return leased->attempt.number == 1 ? "attempt leased" : "trial leased again";
  }
  if (const auto* worker = std::get_if<WorkerChanged>(&effect)) return "worker " + worker->state;
  if (const auto* sweep = std::get_if<SweepChanged>(&effect)) {
    return std::string("sweep ") + Name(sweep->state);
  }
  if (std::holds_alternative<SweepWaiting>(effect)) return "sweep waits or not";
  if (std::holds_alternative<ResultInvalidated>(effect)) return "result invalidated";
  return std::nullopt;
}

bool AllSweepsOver(const StoreModel& store) {
  return std::ranges::all_of(store.sweeps(), [](const auto& entry) {
    const SweepState state = entry.second.state;
    return state == SweepState::kSucceeded || state == SweepState::kFailed ||
           state == SweepState::kCancelled;
  });
}

std::map<SweepId, Coverage> LedgerOf(const StoreModel& store, const Scheduler& scheduler) {
  std::map<SweepId, Coverage> ledger;
  for (const auto& [id, sweep] : store.sweeps()) {
    if (const auto coverage = scheduler.CoverageOf(id)) ledger[id] = *coverage;
  }
  return ledger;
}

Law OpenTrial(const StoreModel& store) {
  for (const auto& [id, trial] : store.trials()) {
    if (trial.state == TrialState::kQueued || trial.state == TrialState::kRunning) {
      return "trial " + std::to_string(id) + " is open in the end";
    }
  }
  return std::nullopt;
}

void CountRunningTime(Instant now, std::map<AttemptId, Instant>& started, StoredState& stored) {
  std::map<AttemptId, Instant> live;
  for (auto& attempt : stored.live) {
    attempt.running_for = now - started.at(attempt.id);
    live[attempt.id] = started.at(attempt.id);
  }
  for (auto& [id, at] : started) {
    if (!live.contains(id)) at = now;  // taken up again it counts from here
  }
}

void Forget(const SimulationOptions& options, StoredState& stored) {
  if (options.forget_live_attempts) stored.live.clear();
  if (!options.forget_wishes) return;
  for (auto& interest : stored.interests) interest.wish = Wish::kWanted;
}

void NoteProgress(const WorkerSynced& sync, const std::vector<Effect>& effects, Instant now,
                  std::map<AttemptId, LastStep>& progress) {
  if (Only<Instruction>(effects).at(0).stale) return;
  for (const SlotReport& slot : sync.running) {
    const auto found = progress.find(slot.attempt);
    if (found == progress.end() || slot.step <= found->second.step) continue;
    found->second = {now, slot.step};
  }
}

WorkerOffer OfferOf(int number) {
  std::vector<std::string> devices{"cpu"};
  if (number % 3 == 0) devices.emplace_back("cuda");
  const std::string zone = number % 2 == 0 ? "a" : "b";
  return {int64_t{8 + 8 * (number % 3)} << 30, devices, {{"zone", zone}}};
}

}  // namespace sparsweep::testing
