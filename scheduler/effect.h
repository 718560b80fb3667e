// What becomes true. The store writes effects, the feed publishes them, the event log is their
// history; a worker's Instruction alone is not stored, it is the answer to its Sync.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/trial.h"
#include "scheduler/event.h"
#include "scheduler/ids.h"

namespace sparsweep {

enum class SweepState { kExpanding, kRunning, kPaused, kSucceeded, kFailed, kCancelled };
enum class TrialState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };
enum class AttemptState { kRunning, kSucceeded, kReplicate, kFailed, kLost, kCancelled };
// "expanding", "running", ... as the database and the API spell them.
const char* Name(SweepState state);
const char* Name(TrialState state);
const char* Name(AttemptState state);

struct SweepCreated {
  SweepId sweep = 0;
  SweepSubmitted submitted;
};
// `created` says whether the trial is new to the database (and then kQueued, with no attempts);
// else the cell joins an existing one, whatever its state: a TrialChanged follows if that changes.
struct CellTrial {
  TrialId trial = 0;
  bool created = false;
  ExpandedTrial spec;  // identity and spec_json are moved in from the event
};
struct CellAdded {
  SweepId sweep = 0;
  ExpandedCell cell;  // its `trials` are empty; they are in `trials`
  std::vector<CellTrial> trials;
};
struct ExpansionAdvanced {
  SweepId sweep = 0;
  uint64_t next_index = 0;
  bool done = false;
};
// Kept per sweep; the numbers add up at every step: trials = queued + running + succeeded +
// failed + cancelled. `cells` counts aliases too.
struct Coverage {
  int64_t cells = 0, aliases = 0, trials = 0;
  int64_t queued = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0;
  bool operator==(const Coverage&) const = default;
};
struct SweepChanged {
  SweepId sweep = 0;
  SweepState state = SweepState::kExpanding;
  std::string message;  // why it failed, if it did
};
struct TrialChanged {
  TrialId trial = 0;
  TrialState state = TrialState::kQueued;
  std::optional<FailureReason> reason;  // of kFailed
  std::string message;
  int attempts = 0;  // charged against the cap so far
};
// The attempt runs now. An attempt that was kLost is leased again under its own number when its
// worker turns out to run it still, so the store inserts or updates.
struct AttemptLeased {
  AttemptId attempt;
  std::string worker;
  std::string incarnation;
  SweepId charged_to = 0;
};
// kSucceeded, kReplicate and kFailed are the worker's own word and final. kLost and kCancelled are
// the scheduler's (no contact; told to stop): a later report of the worker may replace them, once.
struct AttemptEnded {
  AttemptId attempt;
  AttemptState state = AttemptState::kFailed;
  std::optional<FailureReason> reason;
  std::string message;
  std::string log_blob;
  std::string result_json;  // of kSucceeded (the accepted result) and kReplicate
  std::string worker;       // whose Instruction changes: release its held Sync if kCancelled
};
struct WorkerChanged {
  std::string worker;
  std::string incarnation;
  std::string state;  // online | draining | lost | left | quarantined
  int slots = 0;
  std::string labels_json;
};

// The answer to a Sync: what the worker's slots should be doing.
struct Instruction {
  std::string worker;
  std::string incarnation;
  std::vector<AttemptId> run;           // all attempts it should run now, old and new
  std::vector<AttemptId> acknowledged;  // ended reports that need not be repeated
  bool stale = false;                   // a lower sequence or an old incarnation: ignored
  Duration lease{};                     // from now
};

using Effect = std::variant<SweepCreated, CellAdded, ExpansionAdvanced, SweepChanged, TrialChanged,
                            AttemptLeased, AttemptEnded, WorkerChanged, Instruction>;

}  // namespace sparsweep
