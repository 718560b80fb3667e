// What a worker does, as a value: server answers, trainer messages and time in, actions out.
//
// No process, socket, file or clock in it; worker.cc carries the actions out on its loop thread.
// One trainer per slot, started when the slot first gets work and kept for many trials. An ended
// attempt is reported until the server acknowledges it (contracts.md, "Sync").
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/trial.h"
#include "worker/messages.h"

namespace sparsweep {

// What the server said in answer to a Sync.
struct AssignedAttempt {
  AttemptKey attempt;
  std::string trial_json;  // TrialSpec; may be empty for one that was reported as running
};
struct ServerAnswer {
  std::vector<AssignedAttempt> run;  // all attempts that should run here, old and new
  std::vector<AttemptKey> acknowledged;
  bool drain = false;  // a person asks it to take no more work, until they take it back
  std::chrono::milliseconds quarantine{};  // from now: the server distrusts it; 0: no
  std::string distrust = {};               // why
};

// What a Sync says.
struct RunningReport {
  AttemptKey attempt;
  int64_t step = 0, steps = 0;
  std::vector<MetricPoint> points;  // since the last answered Sync
  std::string log;  // new text of its log from log_offset on, filled in by worker.cc
  int64_t log_offset = 0;
  bool operator==(const RunningReport&) const = default;
};
struct EndedReport {
  AttemptKey attempt;
  std::optional<FailureReason> failure;  // nullopt: success
  std::string message;
  std::string result_json;
  std::string log_blob;  // digest; empty where the log could not be stored
  std::vector<MetricPoint> points;
  bool operator==(const EndedReport&) const = default;
};
struct SyncReport {
  int slots = 0;  // offered; 0 while draining
  bool draining = false;
  bool has_free_slot = false;
  std::vector<RunningReport> running;
  std::vector<EndedReport> ended;
};

// How a trainer process ended.
struct TrainerExit {
  bool signalled = false;
  int code = 0;                // exit code, or the signal's number
  bool out_of_memory = false;  // the kernel's counter says so
  std::string last_words;      // the end of its log, may be empty
};

// Actions.
struct StartTrainer {
  int slot;
  AttemptKey attempt;  // for which it is started; what it says before it is ready is its log
  bool operator==(const StartTrainer&) const = default;
};
struct RunTrial {
  int slot;
  AttemptKey attempt;
  std::string trial_json;
  bool operator==(const RunTrial&) const = default;
};
struct CancelTrial {
  int slot;
  AttemptKey attempt;
  bool operator==(const CancelTrial&) const = default;
};
struct KillTrainer {
  int slot;
  bool operator==(const KillTrainer&) const = default;
};
// Bring the files that the attempt's result names to the server, then close its log and bring that,
// then call LogStored. If a file is refused, call WeightsLost before.
struct StoreLog {
  AttemptKey attempt;
  std::map<std::string, std::string> files = {};  // name -> digest
  bool operator==(const StoreLog&) const = default;
};
// The log of an attempt that nobody wants: close and delete.
struct DropLog {
  AttemptKey attempt;
  bool operator==(const DropLog&) const = default;
};
// There is something to say: do not wait for the next regular Sync.
struct SyncNow {
  bool operator==(const SyncNow&) const = default;
};
using Action =
    std::variant<StartTrainer, RunTrial, CancelTrial, KillTrainer, StoreLog, DropLog, SyncNow>;

struct AgentOptions {
  int slots = 1;
  std::chrono::milliseconds start_limit = std::chrono::minutes(2);    // until a trainer is ready
  std::chrono::milliseconds cancel_grace = std::chrono::seconds(10);  // then it is killed
  std::chrono::milliseconds offline_grace = std::chrono::minutes(15);
  std::chrono::milliseconds drain_grace = std::chrono::minutes(1);  // where the server asks
};

class Agent {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  Agent(AgentOptions options, Instant now);

  std::vector<Action> Apply(const ServerAnswer& answer, Instant now);
  std::vector<Action> Apply(int slot, const TrainerMessage& message, Instant now);
  // The trainer broke the protocol; `sentence` says how.
  std::vector<Action> Garbage(int slot, const std::string& sentence, Instant now);
  std::vector<Action> Exited(int slot, const TrainerExit& exit, Instant now);
  // The server will not have a file of the attempt's result: without it there is no result.
  void WeightsLost(AttemptKey attempt, const std::string& sentence);
  std::vector<Action> LogStored(AttemptKey attempt, const std::string& digest);
  std::vector<Action> TimePassed(Instant now);
  // Takes no more work, and leaves; what still runs after `grace` is given back as `interrupted`. (If
  // the server asks, it stays, and takes work again when the server says so.)
  std::vector<Action> Drain(std::chrono::milliseconds grace, Instant now);

  // What to say now. Points in it are dropped when SyncAnswered is called, and repeated otherwise.
  SyncReport Report();
  void SyncAnswered(Instant now);

  std::optional<Instant> NextDeadline() const;
  // Leaving, and nothing runs or is left to be said.
  bool finished() const;
  // Nothing runs; ended attempts may still wait for their acknowledgement.
  bool idle() const;
  bool leaving() const { return leaving_; }
  bool has_free_slot() const;
  // Attempts that are running or about to.
  size_t busy() const;
  // Whether some end was not acknowledged yet.
  bool has_news() const { return !ended_.empty(); }

 private:
  enum class Phase { kEmpty, kStarting, kIdle, kRunning, kCancelling, kEnding };
  // Why a running attempt is being stopped; it decides whether its end is reported.
  enum class Stop { kNone, kUnwanted, kInterrupted };
  struct Slot {
    Phase phase = Phase::kEmpty;
    std::optional<AttemptKey> attempt;  // pending while kStarting, running, or being stopped
    std::string trial_json;             // while pending
    int64_t step = 0, steps = 0;
    std::vector<MetricPoint> points;
    size_t points_said = 0;  // of the Report not yet answered
    Stop stop = Stop::kNone;
    std::string garbage;  // why the trainer was killed, if it broke the protocol
    Instant deadline = Instant::max();
  };

  void StartDraining(std::chrono::milliseconds grace, Instant now, std::vector<Action>* out);
  void Fill(Instant now, std::vector<Action>* out);
  void StopSlot(int slot, Stop why, Instant now, std::vector<Action>* out);
  void StopAll(Instant now, std::vector<Action>* out);
  void End(int slot, std::optional<FailureReason> failure, std::string message,
           std::string result_json, std::vector<Action>* out);
  void GiveBack(AttemptKey attempt, std::vector<Action>* out);
  bool Knows(AttemptKey attempt) const;

  const AgentOptions options_;
  std::vector<Slot> slots_;
  std::deque<AssignedAttempt> backlog_;         // accepted, waiting for a slot
  std::map<AttemptKey, EndedReport> unstored_;  // ended, the log is under way
  std::map<AttemptKey, EndedReport> ended_;     // ready to be reported, not acknowledged
  bool draining_ = false;
  bool leaving_ = false;  // draining for its own reasons
  Instant drain_deadline_ = Instant::max();
  Instant last_contact_;
};

}  // namespace sparsweep
