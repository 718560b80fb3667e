// Which worker may take what.
//
// Needs are the sweep's, so lanes of equal needs form a group, and a worker keeps the list of
// groups that it could take when idle: a Sync looks at no sweep that does not concern it. What is
// first in order but has no room now is not overtaken by what would keep it waiting: for memory,
// by what takes memory; for an exclusive trial, by nothing. For that trial one worker is emptied;
// any worker that is idle may take it before.
#include <algorithm>
#include <cstdio>

#include "scheduler/mechanism.h"
#include "scheduler/state.h"

namespace sparsweep {
namespace {

std::string Gibibytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace

int Scheduler::State::GroupOf(const Needs& needs) {
  const auto known = std::ranges::find(groups, needs, &Group::needs);
  const int number = static_cast<int>(known - groups.begin());
  if (known != groups.end()) return number;
  groups.push_back({needs, 0});
  for (Worker& worker : workers) {
    if (worker.state != WorkerState::kOnline || !FitsWhenIdle(worker, needs)) continue;
    worker.fits.push_back(number);
    ++groups.back().workers;
  }
  return number;
}

bool Scheduler::State::FitsWhenIdle(const Worker& worker, const Needs& needs) const {
  if (worker.slots <= 0) return false;
  if (!On(Mechanism::kNeeds)) return true;
  const WorkerOffer& offer = worker.offer;
  if (needs.memory_bytes > offer.memory_bytes) return false;
  if (!needs.device.empty() &&
      std::ranges::find(offer.devices, needs.device) == offer.devices.end()) {
    return false;
  }
  return std::ranges::includes(offer.labels, needs.labels);
}

bool Scheduler::State::FitsNow(const Worker& worker, const Needs& needs) const {
  if (!FitsWhenIdle(worker, needs)) return false;
  if (!On(Mechanism::kRoom)) return true;
  if (needs.exclusive) return Idle(worker);
  if (worker.exclusive > 0) return false;
  return needs.memory_bytes == 0 ||
         worker.memory_used + needs.memory_bytes <= worker.offer.memory_bytes;
}

// After a change of the worker's state, slots or offer.
void Scheduler::State::UpdateFits(Step& step, Worker& worker) {
  std::vector<int> fits;
  for (int group = 0; group < static_cast<int>(groups.size()); ++group) {
    const bool fitted = std::ranges::find(worker.fits, group) != worker.fits.end();
    const bool does =
        worker.state == WorkerState::kOnline && FitsWhenIdle(worker, groups[group].needs);
    if (does) fits.push_back(group);
    if (does == fitted) continue;
    step.fewer_fit |= fitted;
    int& number = groups[group].workers;
    number += does ? 1 : -1;
    if (number == (does ? 1 : 0)) step.regrouped.insert(group);
  }
  if (fits == worker.fits) return;
  worker.fits = std::move(fits);
  if (worker.reserved != 0) Unreserve(worker.reserved);
}

Scheduler::State::Next Scheduler::State::NextFor(const Worker& worker) const {
  if (queue.empty() || FreeSlots(worker) <= 0) return {};
  const auto fits = [&](TrialId id, int group) {
    if (Refused(id, worker)) return false;
    // A reservation is for a sweep that wants a worker to itself; another that holds the trial too
    // does not wait for it.
    if (!groups[group].needs.exclusive || reserved.empty() || Idle(worker)) return true;
    const auto it = reserved.find(id);
    return it == reserved.end() || it->second == worker.number;
  };
  const auto first = queue.First(worker.fits, fits);
  if (!first) return {};
  const Needs& needs = groups[first->group].needs;
  if (FitsNow(worker, needs)) return {first, 0};
  if (needs.exclusive && On(Mechanism::kReserve)) return {std::nullopt, first->trial};
  std::vector<int> small;
  for (const int group : worker.fits) {
    const Needs& other = groups[group].needs;
    if (other.memory_bytes == 0 && !other.exclusive) small.push_back(group);
  }
  return {queue.First(small, fits), 0};
}

void Scheduler::State::Reserve(Worker& worker, TrialId trial) {
  if (worker.reserved == trial) return;
  Unreserve(worker.reserved);
  Unreserve(trial);
  worker.reserved = trial;
  reserved[trial] = worker.number;
}

void Scheduler::State::Unreserve(TrialId trial) {
  const auto it = reserved.find(trial);
  if (it == reserved.end()) return;
  workers[it->second].reserved = 0;
  reserved.erase(it);
}

bool Scheduler::State::CouldLease() const {
  if (queue.empty()) return false;
  return std::ranges::any_of(free, [&](int number) { return CouldLeaseTo(workers[number]); });
}

// Why nothing of the sweep can start, if that is so: no connected worker could ever take it.
std::string Scheduler::State::WaitingFor(const Sweep& sweep) const {
  const Group& group = groups[sweep.group];
  const bool waits = !sweep.closed && !sweep.paused && sweep.coverage.queued > 0;
  if (!waits || group.workers > 0 || !On(Mechanism::kWaitingFor)) return {};
  std::vector<std::string> wanted;
  if (!group.needs.device.empty()) wanted.push_back("device " + group.needs.device);
  if (group.needs.memory_bytes > 0) {
    wanted.push_back(Gibibytes(group.needs.memory_bytes) + " of memory");
  }
  for (const auto& [name, value] : group.needs.labels) {
    wanted.push_back("label " + name + "=" + value);
  }
  if (wanted.empty()) return "no worker takes trials now; start one with \"sparsweep worker\"";
  std::string list = wanted[0];
  for (size_t i = 1; i < wanted.size(); ++i) {
    list += (i + 1 == wanted.size() ? " and " : ", ") + wanted[i];
  }
  return "no connected worker offers " + list +
         "; start one that does, or submit the sweep with other needs";
}

}  // namespace sparsweep
