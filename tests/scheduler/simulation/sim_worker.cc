// A worker of the simulation.
#include "tests/scheduler/simulation/sim_worker.h"

#include <algorithm>

namespace sparsweep::testing {

using std::chrono::milliseconds;

void SimWorker::Start() {
  incarnation_ = name_ + "/" + std::to_string(++starts_);
  alive_ = true;
  paused_until_ = next_sync_ = Instant{};
  sequence_ = answered_ = 0;
  running_.clear();
  ended_.clear();
}

void SimWorker::Mend(Instant now) {
  for (auto& [id, run] : running_) {
    if (run.wedged) run = {now, now + milliseconds(5000), false};
  }
}

void SimWorker::Train(Instant now, Random& random, bool faults) {
  if (!Awake(now)) return;
  for (auto it = running_.begin(); it != running_.end();) {
    if (it->second.wedged || it->second.end > now) {
      ++it;
      continue;
    }
    EndedAttempt ended{it->first, std::nullopt, "", TrueResult(name_, it->first), ""};
    const int luck = faults ? Below(random, 100) : 100;
    if (luck < 14) ended.failure = FailureReason::kCrashed;
    if (luck < 8) ended.failure = FailureReason::kInterrupted;
    if (luck < 5) ended.failure = FailureReason::kRefused;
    if (luck < 3) ended.failure = FailureReason::kDiverged;
    if (luck < 2) ended.failure = FailureReason::kAttestation;
    if (ended.failure) ended.result_json.clear();
    if (luck != 13) ended_.push_back(ended);  // else it vanishes: counts as crashed
    next_sync_ = now;
    it = running_.erase(it);
  }
}

WorkerSynced SimWorker::Sync(Instant now, Random& random, bool faults) {
  WorkerSynced sync{name_, incarnation_, ++sequence_, slots_, "{}", false, {}, ended_, offer_};
  for (const auto& [id, run] : running_) {
    const int64_t step = run.wedged ? 0 : (now - run.start) / std::chrono::seconds(1);
    sync.running.push_back({id, step, 100});
  }
  sync.draining = faults && Chance(random, 3);
  if (sync.draining) sync.slots = 0;
  if (faults && Chance(random, 4)) {  // a lie: somebody's attempt, or nobody's
    const AttemptId id{Below(random, 30), Below(random, 4)};
    const bool ended = std::ranges::any_of(
        ended_, [&](const EndedAttempt& report) { return report.attempt == id; });
    if (!ended && !running_.contains(id)) {
      sync.ended.push_back({id, std::nullopt, "", name_ + " lies", ""});
    }
  }
  next_sync_ = now + milliseconds(1000 + Below(random, 9000));
  return sync;
}

void SimWorker::Take(const Instruction& answer, int64_t reply_to, Instant now, Random& random,
                     bool faults) {
  if (!alive_ || answer.incarnation != incarnation_ || reply_to <= answered_ || answer.stale)
    return;
  answered_ = reply_to;
  std::erase_if(ended_, [&](const EndedAttempt& ended) {
    return std::ranges::find(answer.acknowledged, ended.attempt) != answer.acknowledged.end();
  });
  const std::set<AttemptId> run(answer.run.begin(), answer.run.end());
  for (auto it = running_.begin(); it != running_.end();) {
    if (run.contains(it->first)) {
      ++it;
      continue;
    }
    if (Chance(random, 50)) {
      ended_.push_back({it->first, FailureReason::kInterrupted, "told to stop", "", ""});
    }
    it = running_.erase(it);
  }
  for (const AttemptId& id : run) {
    const bool done =
        std::ranges::any_of(ended_, [&](const EndedAttempt& ended) { return ended.attempt == id; });
    if (done || running_.contains(id)) continue;
    const Instant end = now + milliseconds(500 + Below(random, faults ? 60000 : 10000));
    running_[id] = {now, end, faults && Chance(random, 5)};
  }
}

}  // namespace sparsweep::testing
