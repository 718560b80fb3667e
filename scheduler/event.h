// Facts that come in. Everything the scheduler knows of the world is one of these.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/trial.h"
#include "scheduler/ids.h"

namespace sparsweep {

struct SweepOptions {
  int64_t priority = 0;
  bool operator==(const SweepOptions&) const = default;
};

// A sweep was submitted; its cells follow in CellsExpanded chunks. `spec` is opaque here and is
// handed on to the store in SweepCreated.
struct SweepSubmitted {
  std::string name;
  std::string spec_json;
  std::string spec_digest;  // SHA-256 of spec_json, how `run` finds its sweep again
  std::string request_id;
  SweepOptions options;
};

// One trial of an expanded cell. `spec_json` is opaque and handed on.
struct ExpandedTrial {
  std::string identity;
  std::string spec_json;
  uint64_t seed = 0;
  std::optional<uint64_t> mask_seed;
  int seed_rank = 0;  // 0 for the sweep's first seed: ranks are run one after the other
};
struct ExpandedCell {
  uint64_t index = 0;
  bool is_baseline = false;
  std::optional<uint64_t> alias_of;
  std::optional<uint64_t> baseline_index;
  std::string axes_json;
  std::string attention;
  std::string canonical;
  std::vector<ExpandedTrial> trials;
};
// The next chunk of a sweep's grid. `next_index` is where expansion goes on after a restart.
struct CellsExpanded {
  SweepId sweep = 0;
  std::vector<ExpandedCell> cells;
  uint64_t next_index = 0;
  bool last = false;
};
// Expansion met an error that Preview could not have seen (a model folder vanished, say).
struct ExpansionFailed {
  SweepId sweep = 0;
  std::string message;
};

struct SweepCancelRequested {
  SweepId sweep = 0;
};
struct SweepPauseRequested {
  SweepId sweep = 0;
};
struct SweepResumeRequested {
  SweepId sweep = 0;
};
// Failed trials of the sweep are queued again with a fresh allowance of attempts.
struct SweepRetryRequested {
  SweepId sweep = 0;
};

// What a worker says of one of its slots.
struct SlotReport {
  AttemptId attempt;  // running now
  int64_t step = 0, steps = 0;
};
// A success without a result is ignored, and so must be one whose result does not parse: the server
// leaves it out, the attempt is then absent and counts as crashed.
struct EndedAttempt {
  AttemptId attempt;
  std::optional<FailureReason> failure;  // nullopt: success
  std::string message;                   // one sentence of a failure
  std::string result_json;               // TrialResult of a success; opaque here
  std::string log_blob;                  // SHA-256 of the log, may be empty
};
// One Sync of one worker (docs: "Sync"). A held call is answered by applying the same event again
// when there is something to say: an equal sequence tells nothing new and is answered afresh.
struct WorkerSynced {
  std::string worker;
  std::string incarnation;  // differs after every start of the worker process
  int64_t sequence = 0;
  int slots = 0;            // offered in all; 0 while draining
  std::string labels_json;  // devices and versions, opaque; shown to people
  bool draining = false;
  std::vector<SlotReport> running;
  std::vector<EndedAttempt> ended;
};
// The worker said goodbye: nothing of it runs any more.
struct WorkerLeft {
  std::string worker;
  std::string incarnation;
};

// Time passed. Sent by the server's timer at or after Scheduler::NextDeadline().
struct TimePassed {};

using Event = std::variant<SweepSubmitted, CellsExpanded, ExpansionFailed, SweepCancelRequested,
                           SweepPauseRequested, SweepResumeRequested, SweepRetryRequested,
                           WorkerSynced, WorkerLeft, TimePassed>;

}  // namespace sparsweep
