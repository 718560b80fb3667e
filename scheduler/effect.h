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

enum class SweepState : uint8_t { kExpanding, kRunning, kPaused, kSucceeded, kFailed, kCancelled };
enum class TrialState : uint8_t { kQueued, kRunning, kSucceeded, kFailed, kCancelled };
enum class AttemptState : uint8_t { kRunning, kSucceeded, kReplicate, kFailed, kLost, kCancelled };
// "expanding", "running", ... as the database and the API spell them.
const char* Name(SweepState state);
const char* Name(TrialState state);
const char* Name(AttemptState state);

// What one sweep wants of one of its trials. Stored where it is not kWanted.
enum class Wish : uint8_t { kWanted, kPaused, kDropped };
const char* Name(Wish wish);  // "wanted", "paused", "dropped"

struct SweepCreated {
  SweepId sweep = 0;
  SweepSubmitted submitted;
};
// `created` says whether the trial is new to the database (and then kQueued, with no attempts);
// else the cell joins an existing one, whatever its state: a TrialChanged follows if that changes.
// A result that is taken over shows its origin: the sweep that its accepted attempt was charged to.
// An identity has more than one trial only where a `fresh` sweep asked for new runs: (identity,
// generation) is unique, a later sweep joins the newest, an earlier one keeps its own.
struct CellTrial {
  TrialId trial = 0;
  bool created = false;
  ExpandedTrial spec;
  int generation = 1;  // of a created one
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
// failed + cancelled. `cells` counts aliases too. A queued or running trial that this sweep does
// not want any more (but another does) counts as cancelled here.
struct Coverage {
  int64_t cells = 0, aliases = 0, trials = 0;
  int64_t queued = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0;
  bool operator==(const Coverage&) const = default;
};
struct SweepChanged {  // also when one that has finished counts its trials differently
  SweepId sweep = 0;
  SweepState state = SweepState::kExpanding;
  std::string message;  // why it failed, if it did
  // It wants no trial any more until it is retried: cancelled, not expandable, or stopped itself.
  bool closed = false;
};
struct SweepOptionsChanged {
  SweepId sweep = 0;
  SweepOptions options;
};
// Trials of the sweep are queued, and no connected worker could ever take one: says why, in a
// sentence. Empty: that is over.
struct SweepWaiting {
  SweepId sweep = 0;
  std::string waiting_for;
};
// The sweep is closed, to be deleted, and not shown any more. SweepShrunk follow, then SweepDeleted.
// No number is ever used again: from now on StoredState's counters are at least these.
struct SweepDeletionBegun {
  SweepId sweep = 0;
  SweepId next_sweep = 1;
  TrialId next_trial = 1;
};
// Of a sweep under deletion: it holds `released` no more; of these, `deleted` are deleted with all that
// hangs on them; and so are the first `cells` of the cells that are left.
struct SweepShrunk {
  SweepId sweep = 0;
  std::vector<TrialId> released;
  std::vector<TrialId> deleted;
  int64_t cells = 0;
};
// Nothing but its row is left of the sweep, and that goes now.
struct SweepDeleted {
  SweepId sweep = 0;
};
struct InterestChanged {
  SweepId sweep = 0;
  TrialId trial = 0;
  Wish wish = Wish::kWanted;
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
// the scheduler's (no contact, told to stop, beyond a limit): a later report of the worker may
// replace them, once.
struct AttemptEnded {
  AttemptId attempt;
  AttemptState state = AttemptState::kFailed;
  std::optional<FailureReason> reason;
  std::string message;
  std::string log_blob;
  std::string result_json;  // of kSucceeded (the accepted result) and kReplicate
  std::string worker;       // whose Instruction changes: release its held Sync if kCancelled
  bool stale = false;       // of kReplicate: leased before the trial's results were invalidated
  ResultHead head = {};     // of result_json
};
// The accepted result is kept as a stale replicate, and its attempt is a kReplicate; the trial has
// no result now. Attempts up to number `fence` do not count for it any more: their successes are
// stale replicates too. A TrialChanged follows.
struct ResultInvalidated {
  TrialId trial = 0;
  int fence = 0;
  std::string why;
};
struct WorkerChanged {
  std::string worker;
  std::string incarnation;
  std::string state;  // online | draining | lost | left | quarantined
  int slots = 0;
  std::string labels_json;
  WorkerOffer offer = {};
  bool drain_requested = false;  // by a person (WorkerDrainRequested)
};

// The answer to a Sync: what the worker's slots should be doing.
struct Instruction {
  std::string worker;
  std::string incarnation;
  std::vector<AttemptId> run;           // all attempts it should run now, old and new
  std::vector<AttemptId> acknowledged;  // ended reports that need not be repeated
  bool stale = false;                   // a lower sequence or an old incarnation: ignored
  Duration lease{};                     // from now
  bool drain = false;                   // a person asks: it gets nothing new and may leave when idle
  Duration quarantine{};                // from now: too much went wrong on it, it gets nothing
  std::string distrust = {};            // why
};

using Effect =
    std::variant<SweepCreated, CellAdded, ExpansionAdvanced, SweepChanged, SweepOptionsChanged,
                 SweepWaiting, SweepDeletionBegun, SweepShrunk, SweepDeleted, InterestChanged, TrialChanged, AttemptLeased,
                 AttemptEnded, ResultInvalidated, WorkerChanged, Instruction>;

}  // namespace sparsweep
