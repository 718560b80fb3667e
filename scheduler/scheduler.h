// The scheduler as a value: Apply(event, now) -> effects.
//
// No thread, clock, socket, file, mutex, log or random source in it. What it decides is tested by
// comparing values. The server calls it on its loop thread, commits the effects, and only then
// answers anyone; if the commit fails the whole value is dropped and rebuilt with Restore.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "scheduler/effect.h"
#include "scheduler/event.h"
#include "scheduler/ids.h"

namespace sparsweep {

struct SchedulerOptions {
  Duration lease = std::chrono::seconds(30);  // renewed by every Sync that reports the attempt
  int max_attempts = 3;  // charged attempts (lost, crashed) of a trial before it fails
  Duration backoff = std::chrono::seconds(1);  // doubled with every charged attempt
  int quarantine_after = 5;  // crashed, refused and unattested attempts in a row of one worker
  Duration quarantine = std::chrono::minutes(10);  // then the worker is tried again
  int min_failed = 5;  // failed trials of a sweep before its max_failed_share can stop it
  // Trials of closed and deleted sweeps that one Apply deals with: a million of them must not hold
  // the loop.
  int tidied_at_once = 250;
};

// What the store remembers, read back at start. Live attempts get one full lease from `now`.
struct StoredState {
  struct Sweep {
    SweepId id = 0;
    SweepState state = SweepState::kExpanding;
    SweepOptions options;
    uint64_t next_index = 0;
    bool expanded = false;
    int64_t cells = 0, aliases = 0;
    bool closed = false;           // of the last SweepChanged
    std::string waiting_for = {};  // of the last SweepWaiting
    bool deleting = false;         // SweepDeletionBegun; then `cells` are those left, `aliases` 0
    bool operator==(const Sweep&) const = default;
  };
  struct Trial {
    TrialId id = 0;
    std::string identity;
    TrialState state = TrialState::kQueued;
    int charged = 0;
    int attempts = 0;  // highest attempt number
    std::optional<FailureReason> reason = {};  // of kFailed
    int generation = 1;
    int fence = 0;  // of the last ResultInvalidated
    bool operator==(const Trial&) const = default;
  };
  // One per (sweep, trial): the best place (baseline first, then seed rank, then cell index).
  struct Interest {
    SweepId sweep = 0;
    TrialId trial = 0;
    bool is_baseline = false;
    int seed_rank = 0;
    uint64_t cell = 0;
    Wish wish = Wish::kWanted;
    bool operator==(const Interest&) const = default;
  };
  struct LiveAttempt {
    AttemptId id;
    std::string worker;
    std::string incarnation;
    SweepId charged_to = 0;
    Duration running_for{};  // since it was leased, by the wall clock; at least 0 (time_limit)
    bool operator==(const LiveAttempt&) const = default;
  };
  std::vector<Sweep> sweeps;
  std::vector<Trial> trials;  // by number, ascending
  std::vector<Interest> interests;
  std::vector<LiveAttempt> live;
  // Attempts in state kLost or kCancelled (whatever became of the trial): their worker has not said
  // how they ended, and a late success of theirs is still recognised. `charged_to` is not needed.
  std::vector<LiveAttempt> ended;
  // Workers whose last WorkerChanged said online, draining or quarantined. They count as heard of
  // at `now`, so that one that never comes back is lost a lease later.
  struct Worker {
    std::string name;
    std::string incarnation;
    std::string state;
    int slots = 0;
    std::string labels_json;
    WorkerOffer offer = {};
    bool drain_requested = false;
    bool operator==(const Worker&) const = default;
  };
  std::vector<Worker> workers;
  // Above every number ever given out, those of deleted sweeps and trials included.
  SweepId next_sweep = 1;
  TrialId next_trial = 1;
  bool operator==(const StoredState&) const = default;
};

class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);
  static Scheduler Restore(SchedulerOptions options, const StoredState& stored, Instant now);
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;

  // Deterministic: equal state, event and now give equal effects in equal order. A request that
  // cannot be honoured (an unknown sweep, a cancelled sweep resumed) changes nothing and is an
  // error; a WorkerSynced never is: what a worker says wrongly is ignored and not acknowledged.
  Result<std::vector<Effect>> Apply(Event event, Instant now);

  // When TimePassed is due next, if anything waits for time.
  std::optional<Instant> NextDeadline() const;
  // Whether some queued trial could be leased now to a worker with a free slot. Held Syncs are
  // released when this becomes true.
  bool HasWork(Instant now) const;
  // The same of one worker: whether a Sync of it would be given something new to run.
  bool HasWorkFor(const std::string& worker, Instant now) const;

  // What the store must hold by now: what Restore would make this value of again, but for clocks
  // (`running_for`, and of `ended` all but attempt and worker, are left out). Tests compare the two.
  StoredState Remembered() const;

  std::optional<Coverage> CoverageOf(SweepId sweep) const;
  std::optional<SweepState> StateOf(SweepId sweep) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sparsweep
