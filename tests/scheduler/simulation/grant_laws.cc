// Laws of who may be leased what, and of what a sweep says when nobody may.
#include <algorithm>

#include "tests/scheduler/environment.h"
#include "tests/scheduler/simulation/laws.h"

namespace sparsweep::testing {
namespace {

bool Offers(const WorkerChanged& worker, const Needs& needs) {
  const WorkerOffer& offer = worker.offer;
  const bool device = needs.device.empty() ||
                      std::ranges::find(offer.devices, needs.device) != offer.devices.end();
  const bool labels = std::ranges::all_of(needs.labels, [&](const auto& label) {
    const auto it = offer.labels.find(label.first);
    return it != offer.labels.end() && it->second == label.second;
  });
  return device && labels && needs.memory_bytes <= offer.memory_bytes;
}

struct Load {
  int64_t memory = 0;
  int trials = 0, exclusive = 0;
};

Load LoadOf(const StoreModel& store, const std::string& worker) {
  Load load;
  for (const auto& [id, trial] : store.trials()) {
    for (const auto& [number, attempt] : trial.attempts) {
      if (attempt.state != AttemptState::kRunning || attempt.worker != worker) continue;
      const Needs& needs = store.sweeps().at(attempt.charged_to).options.needs;
      ++load.trials;
      load.memory += needs.memory_bytes;
      load.exclusive += needs.exclusive;
    }
  }
  return load;
}

}  // namespace

Law BrokenGrantLaw(const StoreModel& store, const AttemptLeased& leased) {
  const StoreModel::Trial& trial = store.trials().at(leased.attempt.trial);
  const std::string name = "trial " + std::to_string(leased.attempt.trial);
  const auto row = trial.attempts.find(leased.attempt.number);
  const bool again = row != trial.attempts.end();  // its worker ran it all the time
  if (again && row->second.state == AttemptState::kRunning) return std::nullopt;  // charged anew
  const WorkerChanged& worker = store.workers().at(leased.worker);
  const StoreModel::Sweep& sweep = store.sweeps().at(leased.charged_to);
  const Needs& needs = sweep.options.needs;
  if (!again && worker.state != "online") return name + " goes to a worker that takes nothing";
  if (!Offers(worker, needs)) return name + " goes to a worker that does not offer what it needs";
  const Load load = LoadOf(store, leased.worker);
  if (needs.memory_bytes > 0 && load.memory + needs.memory_bytes > worker.offer.memory_bytes) {
    return name + " goes to a worker without room for it";
  }
  if (load.exclusive > 0 || (needs.exclusive && load.trials > 0)) {
    return name + " shares a worker with an exclusive trial";
  }
  if (!again && load.trials >= worker.slots) return name + " goes to a worker without a slot";
  int64_t running = 0;
  for (const auto& [id, other] : store.trials()) {
    running += std::ranges::count_if(other.attempts, [&](const auto& attempt) {
      return attempt.second.state == AttemptState::kRunning &&
             attempt.second.charged_to == leased.charged_to;
    });
  }
  if (sweep.options.max_running > 0 && running >= sweep.options.max_running) {
    return name + " is one more than its sweep may run";
  }
  const Wish wish = sweep.interests.at(leased.attempt.trial).wish;
  if (sweep.closed || wish == Wish::kDropped) return name + " is leased and not wanted";
  if (!again && (sweep.state == SweepState::kPaused || wish == Wish::kPaused)) {
    return name + " is leased while paused";
  }
  return std::nullopt;
}

Law BrokenWaitingLaw(const StoreModel& store) {
  for (const auto& [id, sweep] : store.sweeps()) {
    const bool open = !sweep.closed && sweep.state != SweepState::kPaused;
    const bool could = std::ranges::any_of(store.workers(), [&](const auto& worker) {
      return worker.second.state == "online" && worker.second.slots > 0 &&
             Offers(worker.second, sweep.options.needs);
    });
    const bool waits = open && store.Count(id).queued > 0 && !could;
    if (waits != !sweep.waiting_for.empty()) {
      return "sweep " + std::to_string(id) +
             (waits ? " waits in silence" : " says it waits, and a worker could take its trials");
    }
  }
  return std::nullopt;
}

Law BrokenShareLaw(const StoreModel& store, const SchedulerOptions& options,
                   const std::map<SweepId, Coverage>& before, const Scheduler& after) {
  for (const auto& [id, was] : before) {
    const auto is = after.CoverageOf(id);
    if (!is || is->failed <= was.failed || is->failed < options.min_failed) continue;
    if (store.sweeps().at(id).deleting) continue;  // it wants nothing any more
    const double share = store.sweeps().at(id).options.max_failed_share;
    const double ended = static_cast<double>(is->failed + is->succeeded);
    if (share >= 1 || static_cast<double>(is->failed) <= share * ended) continue;
    const auto state = after.StateOf(id);
    if (state == SweepState::kFailed || state == SweepState::kCancelled) continue;
    return "sweep " + std::to_string(id) + " goes on although too many of its trials failed";
  }
  return std::nullopt;
}

void Absences::Before(const WorkerSynced& sync) {
  known_.clear();
  for (const auto& [id, live] : live_) {
    if (live.worker == sync.worker) known_.insert(id);
  }
}

Law Absences::Broken(const WorkerSynced& sync, const std::vector<Effect>& effects) {
  Note(effects);
  const Instruction answer = Only<Instruction>(effects).at(0);
  const std::pair present(sync.incarnation, sync.sequence);
  if (answer.stale || newest_[sync.worker] == present) return std::nullopt;
  newest_[sync.worker] = present;
  for (const AttemptId& id : known_) {
    const auto live = live_.find(id);
    if (live == live_.end()) continue;
    const bool running = std::ranges::any_of(
        sync.running, [&](const SlotReport& slot) { return slot.attempt == id; });
    live->second.absences = running ? 0 : live->second.absences + 1;
    if (live->second.absences >= 2) {
      return "trial " + std::to_string(id.trial) + ": a lease outlives two Syncs without it";
    }
  }
  return std::nullopt;
}

void Absences::Note(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    if (const auto* leased = std::get_if<AttemptLeased>(&effect)) {
      live_.try_emplace(leased->attempt, Live{leased->worker});
    } else if (const auto* ended = std::get_if<AttemptEnded>(&effect)) {
      live_.erase(ended->attempt);
    }
  }
}

void Absences::Restart(const StoreModel& store) {
  live_.clear();
  newest_.clear();
  for (const auto& [id, trial] : store.trials()) {
    for (const auto& [number, attempt] : trial.attempts) {
      if (attempt.state == AttemptState::kRunning) live_[{id, number}] = {attempt.worker};
    }
  }
}

}  // namespace sparsweep::testing
