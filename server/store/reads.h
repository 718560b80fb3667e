// What the services read: rows as plain structs. SQL stops here, messages begin in server/api.
//
// Called inside a read transaction on a reader thread (ReaderPool::Read); may throw SqliteError,
// which the pool catches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/plan_context.h"
#include "core/trial.h"
#include "scheduler/effect.h"
#include "server/store/sqlite.h"
#include "server/store/writer.h"

namespace sparsweep {

struct SweepRow {
  SweepId id = 0;
  std::string name;
  SweepState state = SweepState::kExpanding;
  std::string message;
  int64_t revision = 0;
  int64_t created_at = 0;
  std::optional<int64_t> ended_at;
  std::string spec_json;
  std::string result_digest;  // empty while it runs
  int64_t priority = 0;
  double weight = 1;
  int64_t max_running = 0;
  std::string waiting_for;
};
std::optional<SweepRow> ReadSweep(Database& db, SweepId id);
// Newest first, with ids below `before` (0: all).
std::vector<SweepRow> ReadSweeps(Database& db, SweepId before, int64_t limit);
// The spec, and where expansion goes on; nullopt if the sweep is not to be expanded.
struct ExpansionRow {
  std::string spec_json;
  uint64_t next_index = 0;
};
std::optional<ExpansionRow> ReadExpansion(Database& db, SweepId id);
std::vector<SweepId> ReadUnexpanded(Database& db);
// Sweeps that ended and whose result digest is not stored.
std::vector<SweepId> ReadWithoutDigest(Database& db);
Coverage ReadCoverage(Database& db, SweepId id);
// Queued trials that the sweep does not want now.
int64_t ReadPaused(Database& db, SweepId id);

// Trials of the sweep that ended: how many in the last minute, and the pace of the last ones.
struct PaceRow {
  int64_t last_minute = 0;
  double seconds_per_trial = 0;  // 0: unknown
};
PaceRow ReadPace(Database& db, SweepId id, int64_t now_ms);

struct CellTrialRow {
  TrialId trial = 0;
  uint64_t seed = 0;
  std::optional<uint64_t> mask_seed;
  TrialState state = TrialState::kQueued;
  std::string metric;
  std::optional<double> value;
  std::optional<double> test_value;
  std::optional<double> density;
  std::optional<double> train_seconds;
  std::string device;
  int64_t threads = 0;
  std::string warnings_json;  // a list of sentences; empty where there is no result
  SweepId origin = 0;  // the sweep that the result was taken over from
  Wish wish = Wish::kWanted;
  PlanContext context;
};
struct CellRow {
  int64_t cell = 0;
  bool is_baseline = false;
  std::optional<int64_t> alias_of;
  std::optional<int64_t> baseline_cell;
  std::string axes_json;
  std::string attention;
  std::string canonical;
  std::vector<CellTrialRow> trials;  // by seed rank, then mask seed
};
// Cells with a number greater than `after`, ascending.
std::vector<CellRow> ReadCells(Database& db, SweepId sweep, int64_t after, int64_t limit);
std::optional<CellRow> ReadCell(Database& db, SweepId sweep, int64_t cell);

struct AttemptRow {
  int number = 0;
  std::string worker, state, reason, message, log_blob;
  int64_t started_at = 0;
  std::optional<int64_t> ended_at;
};
struct TrialRow {
  TrialId id = 0;
  std::string identity;
  TrialState state = TrialState::kQueued;
  std::string reason, message;
  std::string spec_json;
  std::string result_json;  // empty if none is accepted
  int accepted_attempt = 0;
  SweepId origin = 0;  // whose turn it was when the accepted attempt was leased
};
std::optional<TrialRow> ReadTrial(Database& db, TrialId id);
// Trials with an id greater than `after`; of one sweep if `sweep` is not 0, in one state if given.
std::vector<TrialRow> ReadTrials(Database& db, SweepId sweep, std::optional<TrialState> state,
                                 TrialId after, int64_t limit);
std::vector<AttemptRow> ReadAttempts(Database& db, TrialId trial);
// Successes that are not the accepted one.
struct ReplicateRow {
  int attempt = 0;
  double value = 0;
  bool stale = false;
  std::string why;
  int64_t at = 0;
};
std::vector<ReplicateRow> ReadReplicates(Database& db, TrialId trial);
std::vector<SweepId> ReadSweepsOf(Database& db, TrialId trial);
// Those of them that do not want it now.
std::vector<SweepId> ReadPausedBy(Database& db, TrialId trial);
std::vector<MaskRow> ReadMasks(Database& db, TrialId trial);
// The points of the accepted attempt, else of the newest one, by (name, step).
std::vector<MetricPoint> ReadMetrics(Database& db, TrialId trial, int64_t after_step,
                                     const std::vector<std::string>& names, int64_t limit);

struct WorkerRow {
  std::string name, state, incarnation, labels_json;
  int slots = 0;
  int64_t last_seen_at = 0;
  WorkerOffer offer;
  bool drain_requested = false;
  std::vector<AttemptId> running;
};
std::vector<WorkerRow> ReadWorkers(Database& db);

// The event log after `after`, of one sweep if `sweep` is not 0.
std::vector<EventRow> ReadEvents(Database& db, SweepId sweep, int64_t after, int64_t up_to,
                                 int64_t limit);
int64_t ReadLastEvent(Database& db);

// Whether a trial of this identity has an accepted result, and the mean seconds of finished trials
// of a model and task (their fingerprints are not compared: it is an estimate).
bool HasResult(Database& db, const std::string& identity);
std::optional<double> ReadMeanSeconds(Database& db, const std::string& model,
                                      const std::string& task);

}  // namespace sparsweep
