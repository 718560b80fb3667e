// A worker of the simulation, as its agent behaves: it does what the answers to its Syncs say,
// newest answer first, keeps ended results until they are acknowledged, and may lie.
#pragma once

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "scheduler/effect.h"
#include "scheduler/event.h"

namespace sparsweep::testing {

using Random = std::mt19937_64;
// Uniform in [0, n).
inline int Below(Random& random, int n) { return static_cast<int>(random() % n); }
inline bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }

// What an honest success of this attempt says. Nothing else may be accepted.
inline std::string TrueResult(const std::string& worker, AttemptId id) {
  return worker + " finished " + std::to_string(id.trial) + "#" + std::to_string(id.number);
}

class SimWorker {
 public:
  SimWorker(std::string name, int slots, WorkerOffer offer)
      : name_(std::move(name)), slots_(slots), offer_(std::move(offer)) {
    Start();
  }

  void Start();  // a new process: a new incarnation that runs nothing
  void Kill() { alive_ = false; }
  void Pause(Instant until) { paused_until_ = until; }
  bool alive() const { return alive_; }
  bool Awake(Instant now) const { return alive_ && now >= paused_until_; }
  bool Due(Instant now) const { return Awake(now) && now >= next_sync_; }
  const std::string& name() const { return name_; }
  const std::string& incarnation() const { return incarnation_; }

  // Trainers that stood still go on, and end soon.
  void Mend(Instant now);
  // Attempts whose time has come end, one way or another.
  void Train(Instant now, Random& random, bool faults);
  WorkerSynced Sync(Instant now, Random& random, bool faults);
  void Take(const Instruction& answer, int64_t reply_to, Instant now, Random& random, bool faults);

 private:
  std::string name_;
  int slots_;
  WorkerOffer offer_;
  int starts_ = 0;
  std::string incarnation_;
  bool alive_ = false;
  Instant paused_until_{}, next_sync_{};
  int64_t sequence_ = 0, answered_ = 0;
  struct Run {
    Instant start, end;
    bool wedged = false;  // makes no progress and does not end
  };
  std::map<AttemptId, Run> running_;
  std::vector<EndedAttempt> ended_;
};

}  // namespace sparsweep::testing
