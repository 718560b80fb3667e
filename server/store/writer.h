// Writes what became true: effects of the scheduler, metric points, blobs. One transaction a batch.
//
// Loop thread only. Times are stamped here, once a batch. After a failed call the batch is lost:
// Abandon, and rebuild what was derived from it (contracts: "If a commit fails").
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/trial.h"
#include "scheduler/effect.h"
#include "server/store/sqlite.h"

namespace sparsweep {

// A row of the event log; a hint (progress) has the id 0 and is never stored.
struct EventRow {
  int64_t id = 0;
  int64_t at = 0;
  std::string type = {};  // sweep | trial | attempt | worker | progress | reset
  SweepId sweep = 0;
  TrialId trial = 0;
  int attempt = 0;
  std::string worker = {};
  std::string state = {};
  std::string detail = {};
  int64_t step = 0, steps = 0;  // of progress
};

class Writer {
 public:
  explicit Writer(Database& db) : db_(db) {}

  // Starts a batch if none is open.
  Status Begin(int64_t now_ms);
  bool open() const { return transaction_.has_value(); }
  Status Write(const Effect& effect);
  // Repeats are harmless: (attempt, name, step) is a key.
  Status WriteMetrics(const AttemptId& attempt, const std::vector<MetricPoint>& points);
  Status WriteBlob(const std::string& sha256, int64_t size, const std::string* bytes);
  // Of these the ones that were not brought again since then, and that no attempt names.
  Status RemoveBlobs(const std::vector<std::string>& digests, int64_t brought_before_ms);
  // False: the sweep is another by now, and nothing was written.
  Result<bool> WriteResultDigest(SweepId sweep, int64_t revision, const std::string& digest);
  Status TouchWorker(const std::string& worker);
  struct AnsweredRequest {
    std::string digest;  // of the request
    SweepId sweep = 0;
    std::string answer;  // what its response said beside the sweep, JSON
  };
  // Within the batch of what the request changed.
  Status WriteRequest(const std::string& id, const AnsweredRequest& request);
  // Commits if a batch is open, and gives the events that are now durable.
  Result<std::vector<EventRow>> Commit();
  void Abandon();
  // Blobs in files whose rows were deleted by what is committed: the files may go.
  std::vector<std::string> TakeRemovedBlobs() { return std::exchange(removed_blobs_, {}); }
  // Whether a write reaches the disk (the probe after a failed commit).
  Status Probe();

  // What the loop has to look up between batches, seen from inside the open one.
  Result<std::optional<AnsweredRequest>> FindRequest(const std::string& id);
  Result<std::optional<int64_t>> RevisionOf(SweepId sweep);
  Result<bool> WasLeased(const AttemptId& attempt, const std::string& worker);
  Result<bool> HasBlob(const std::string& sha256);
  Result<std::string> TrialSpecJson(TrialId trial);

 private:
  void WriteEffect(const SweepCreated& effect);
  void WriteEffect(const CellAdded& effect);
  void WriteEffect(const ExpansionAdvanced& effect);
  void WriteEffect(const SweepChanged& effect);
  void WriteEffect(const TrialChanged& effect);
  void WriteEffect(const AttemptLeased& effect);
  void WriteEffect(const AttemptEnded& effect);
  void WriteEffect(const WorkerChanged& effect);
  void WriteEffect(const SweepOptionsChanged& effect);
  void WriteEffect(const SweepWaiting& effect);
  void WriteEffect(const SweepDeletionBegun& effect);
  void WriteEffect(const SweepShrunk& effect);
  void WriteEffect(const SweepDeleted& effect);
  void WriteEffect(const InterestChanged& effect);
  void WriteEffect(const ResultInvalidated& effect);
  void WriteEffect(const Instruction&) {}  // the answer to a Sync; nothing becomes true
  void WriteResult(const AttemptEnded& effect);
  void DeleteTrial(TrialId trial);
  int64_t CommonSpec(const std::shared_ptr<const std::string>& spec);
  void CountCommonSpecs();
  void CountUnnamed(const std::string& blob, int by);
  void Log(EventRow row);

  Database& db_;
  std::optional<Transaction> transaction_;
  int64_t now_ms_ = 0;
  std::vector<EventRow> events_;
  std::vector<std::string> removed_blobs_;
  // Rows of common_spec that this writer made, and how many trials more or less need which since
  // the last commit. A row made twice is as good.
  std::map<std::shared_ptr<const std::string>, int64_t> common_specs_;
  std::map<int64_t, int64_t> common_needs_;
  // How many reports that have not come yet each blob was brought for, and what of that the batch
  // has changed.
  std::map<std::string, int> unnamed_blobs_;
  std::vector<std::pair<std::string, int>> unnamed_changes_;
};

}  // namespace sparsweep
