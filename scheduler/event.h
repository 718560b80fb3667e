// Facts that come in. Everything the scheduler knows of the world is one of these.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/trial.h"
#include "scheduler/ids.h"

namespace sparsweep {

// What a worker must offer before a trial of the sweep is leased to it.
struct Needs {
  int64_t memory_bytes = 0;                   // of the trial; 0: does not count
  std::string device = {};                    // "cpu", "cuda"; empty: any
  std::map<std::string, std::string> labels = {};  // all of them, with these values
  bool exclusive = false;  // all slots of its worker idle (the server sets it: profile, infer)
  bool operator==(const Needs&) const = default;
};
struct SweepOptions {
  int64_t priority = 0;    // -1000 .. 1000, higher first
  double weight = 1;       // share among sweeps of equal priority; 0.001 .. 1000
  int64_t max_running = 0;  // trials leased for this sweep at once; 0: no limit
  Needs needs = {};
  Duration time_limit{};   // of one attempt, from its lease; 0: none
  Duration idle_limit{};   // without a step that was not reported before; 0: none
  // The sweep stops itself when more than this share of its trials that ended have failed (and at
  // least SchedulerOptions::min_failed of them); 1: never.
  double max_failed_share = 1;
  // Each trial is run anew although an equal one is known (effect.h, CellTrial). The server also
  // sets it for kinds whose results are not taken over from other sweeps.
  bool fresh = false;
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

// One trial of an expanded cell.
struct ExpandedTrial {
  std::string identity;
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
  // Opaque and handed on: what the specifications of its trials are put together from. Most cells of
  // a sweep share `common_spec`; of `training` the cell has the rest.
  std::shared_ptr<const std::string> common_spec;
  std::string training_json;
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

// What people ask for. Each is idempotent: asked twice it changes nothing the second time. (That a
// repeated request_id gets its first answer, and a stale etag none, is the server's part.)
//
// `trials` names trials of the sweep; nullopt is the sweep as a whole. The server resolves cells
// into their trials before: a cell is what it computes, so an alias stands for the same trials.
// Numbers that are not the sweep's are refused and nothing changes.
using TrialChoice = std::optional<std::vector<TrialId>>;

// The sweep's interest in them ends: what no other sweep wants is not run, and is stopped if it
// runs. What ended already stays as it is.
struct SweepCancelRequested {
  SweepId sweep = 0;
  TrialChoice trials = {};
};
// Nothing of it is leased any more; running attempts finish.
struct SweepPauseRequested {
  SweepId sweep = 0;
  TrialChoice trials = {};
};
struct SweepResumeRequested {
  SweepId sweep = 0;
  TrialChoice trials = {};
};
// Failed trials are queued again with a fresh allowance of attempts: all of the sweep, or those
// that failed for one of `reasons` (if any are named). Trials named in `trials` are queued again
// also if they were cancelled. Reopens a sweep that stopped itself or could not be expanded.
struct SweepRetryRequested {
  SweepId sweep = 0;
  std::vector<FailureReason> reasons = {};
  TrialChoice trials = {};
};
// What is not set stays.
struct SweepReprioritised {
  SweepId sweep = 0;
  std::optional<int64_t> priority = {};
  std::optional<double> weight = {};
  std::optional<int64_t> max_running = {};
};
// The sweep is forgotten, with those of its trials (and their results) that no other sweep holds.
// Running attempts of trials that nobody wants any more are told to stop. It is gone at once; of a
// large one the rows follow a little at a time (TimePassed).
struct SweepDeleteRequested {
  SweepId sweep = 0;
};

// The same of one trial, for every sweep that wants it.
struct TrialCancelRequested {
  TrialId trial = 0;
};
struct TrialPauseRequested {
  TrialId trial = 0;
};
struct TrialResumeRequested {
  TrialId trial = 0;
};
struct TrialRetryRequested {
  TrialId trial = 0;
};

// The accepted results of these trials are stale: they are kept and marked, the trials are queued
// again, and finished sweeps that hold them are open again. (The server evaluates what the person
// asked for -- pattern, worker, device, version -- to numbers in one read.) Trials without an
// accepted result are left alone. No attempt leased before counts for the trial any more.
struct ResultsInvalidated {
  std::vector<TrialId> trials;
  std::string why;  // one sentence, shown at the trials
};

// A person takes the worker out of service (or back): it is leased nothing new, what it runs
// finishes. Holds until asked otherwise or until the worker process is started anew.
struct WorkerDrainRequested {
  std::string worker;
  bool drain = true;
};

// What a worker says of one of its slots.
struct SlotReport {
  AttemptId attempt;  // running now
  int64_t step = 0, steps = 0;  // a step above all reported before is progress (idle_limit)
};
// What of a TrialResult the store keeps in columns; opaque here.
struct ResultHead {
  std::string metric;
  double value = 0;
  double density = 0;
  std::string attestation_root;
};
// A success without a result is ignored, and so must be one whose result does not parse: the server
// leaves it out, the attempt is then absent and counts as crashed.
struct EndedAttempt {
  AttemptId attempt;
  std::optional<FailureReason> failure;  // nullopt: success
  std::string message;                   // one sentence of a failure
  std::string result_json;               // TrialResult of a success; opaque here
  std::string log_blob;                  // SHA-256 of the log, may be empty
  ResultHead head = {};                  // of result_json
};
// What trials' needs are matched with.
struct WorkerOffer {
  int64_t memory_bytes = 0;          // for all its trials together; 0: not said, offers none
  std::vector<std::string> devices;  // kinds, "cpu", "cuda"
  std::map<std::string, std::string> labels;
  bool operator==(const WorkerOffer&) const = default;
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
  WorkerOffer offer = {};
};
// The worker said goodbye: nothing of it runs any more.
struct WorkerLeft {
  std::string worker;
  std::string incarnation;
};

// Time passed. Sent by the server's timer at or after Scheduler::NextDeadline(). Also tidies up the
// next trials of sweeps that were closed or deleted (SchedulerOptions::tidied_at_once).
struct TimePassed {};

using Event =
    std::variant<SweepSubmitted, CellsExpanded, ExpansionFailed, SweepCancelRequested,
                 SweepPauseRequested, SweepResumeRequested, SweepRetryRequested,
                 SweepReprioritised, SweepDeleteRequested, TrialCancelRequested,
                 TrialPauseRequested, TrialResumeRequested, TrialRetryRequested,
                 ResultsInvalidated, WorkerDrainRequested, WorkerSynced, WorkerLeft, TimePassed>;

}  // namespace sparsweep
