// What the scheduler remembers of each trial, attempt, sweep and worker. Private to this folder.
//
// Memory per trial is about 230 bytes (record, identity index, interest, place in a lane). Whatever
// only a few trials have -- a lease, a lost attempt, a back-off, a wish, a fence -- is kept beside.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/digest.h"
#include "scheduler/queue.h"
#include "scheduler/scheduler.h"

namespace sparsweep {
// A namespace of their own: the program also holds worker/worker.h's Worker, and two classes of one
// name would share one destructor.
inline namespace records {

// One Apply under way.
struct Step {
  Instant now;
  std::vector<Effect> effects = {};
  std::set<SweepId> touched = {};  // whose state may follow from what happened
  std::set<SweepId> failed = {};   // where a trial failed: their share may be too large now
  bool fewer_fit = false;          // some worker takes less than it did
  std::set<int> regrouped = {};    // groups that a worker fits now, or none any more
};

struct Interest {
  SweepId sweep = 0;
  Place place;
};

struct Trial {
  Digest identity{};
  std::vector<Interest> interests;
  int charged = 0;
  int attempts = 0;                     // highest number given out
  std::optional<FailureReason> reason;  // of kFailed
  TrialState state = TrialState::kQueued;
  bool exists = false;      // numbers have gaps where trials were deleted
  bool has_wishes = false;  // some sweep's wish is not kWanted
};

// A trial that a fresh sweep asked for beside an older one of the same identity.
struct Generation {
  int number = 1;
  TrialId older = 0;  // 0: deleted since
};

// The live attempt of a trial in state kRunning; there is one and only one.
struct Lease {
  int number = 0;
  int worker = 0;
  SweepId charged_to = 0;
  int group = 0;  // the needs it was leased for
  Instant deadline;
  Instant started;
  Instant progressed;            // when `step` was first reported
  int64_t step = 0;
  std::optional<Instant> limit;  // of time or of no progress
  int64_t sequence = 0;          // the worker's Sync that saw it last
  int absences = 0;              // later Syncs without it
};

// An attempt the scheduler ended itself (kLost, kCancelled): its worker may still have the last
// word.
struct Unsettled {
  std::string worker;
  SweepId charged_to = 0;
  bool charged = false;  // against the trial's cap
  bool beyond = false;   // a limit: it is not taken up again
  Instant started;
};

struct Sweep {
  SweepOptions options;
  int group = 0;  // of its needs
  SweepState state = SweepState::kExpanding;
  bool paused = false;
  bool expanded = false;
  bool closed = false;  // wants no trial any more: cancelled, not expandable, or stopped itself
  bool reopened = false;  // not closed any more, and nobody was told yet
  uint64_t next_index = 0;
  Coverage coverage;
  Coverage told;  // of the last SweepChanged
  int64_t running = 0;  // leases charged to it
  std::string waiting_for;
  std::vector<TrialId> trials;
  bool deleting = false;  // forgotten but for its rows
  size_t tidied = 0;      // of `trials`, since it was closed
};

enum class WorkerState { kOnline, kDraining, kLost, kLeft, kQuarantined };
const char* NameOf(WorkerState state);  // as the database and the API spell it

// An attempt that failed in a way that may be its worker's fault.
struct Suspicion {
  AttemptId attempt;
  bool charged = false;
};

struct Worker {
  int number = 0;
  std::string name;
  std::string incarnation;
  std::vector<std::string> past;  // incarnations that must not come back, newest last
  WorkerState state = WorkerState::kLost;
  int64_t sequence = -1;
  int slots = 0;
  int strays = 0;  // runs it reported that are not its to run: they hold a slot until they stop
  std::string labels_json;
  WorkerOffer offer;
  bool draining = false;         // it says so
  bool drain_requested = false;  // a person says so
  Instant contact;               // lost at this time unless heard of
  std::optional<Instant> quarantined_until;
  std::string distrust;             // why
  int failures = 0;                 // in a row, of the kinds that may be the worker's fault
  std::vector<Suspicion> suspects;  // of that row
  std::set<TrialId> attempts;       // live
  int exclusive = 0;                // of these: those that need the worker for themselves
  int64_t memory_used = 0;          // of its offer
  std::vector<int> fits;            // groups it could take when idle; none while not online
  TrialId reserved = 0;             // the exclusive trial it is emptied for
};

// Lanes of equal needs.
struct Group {
  Needs needs;
  int workers = 0;  // that could take it when idle
};

}  // namespace records
}  // namespace sparsweep
