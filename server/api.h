// What the server can do, one method per RPC. The gRPC services (server/rpc) and the HTTP front
// (server/http) both call this and nothing below it.
//
// Threads: every method may be called from any thread and returns at once: no SQLite, no file and
// no waiting on the caller's thread. A reply is called exactly once, on whichever thread the answer
// was made (possibly before the method returns), so it must not block either. Requests are
// copied where they are still needed after the call returned.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "sparsweep/v1/database.pb.h"
#include "sparsweep/v1/query.pb.h"
#include "sparsweep/v1/sweep.pb.h"
#include "sparsweep/v1/trial.pb.h"
#include "sparsweep/v1/worker.pb.h"

namespace sparsweep {

template <typename T>
using Reply = std::function<void(Result<T>)>;

// One subscriber of the feed. Pulled, so that a slow reader holds nothing but its own bounded
// queue; one that overflows loses the queue and reads a `reset` event ("load everything anew").
// Dropping the last pointer to it unsubscribes; a pending Next is then never called.
class Subscription {
 public:
  virtual ~Subscription() = default;
  // The next changes, at least one, as soon as there are any. An empty list is the end of the feed
  // (the named sweep has ended, or the server stops). One call at a time. `reply` may run before
  // Next returns: do not recurse from inside it without bound.
  virtual void Next(Reply<std::vector<v1::WatchEventsResponse>> reply) = 0;
};

// One blob on its way in. Call Write for every message, the next one only after `done` was called
// with success, then Finish. Dropping it half-way leaves nothing behind.
class BlobUpload {
 public:
  virtual ~BlobUpload() = default;
  virtual void Write(v1::PutBlobRequest message, std::function<void(Status)> done) = 0;
  virtual void Finish(Reply<v1::PutBlobResponse> reply) = 0;
};

class Api {
 public:
  virtual ~Api() = default;

  // SweepService
  virtual void CreateSweep(const v1::CreateSweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void GetSweep(const v1::GetSweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void ListSweeps(const v1::ListSweepsRequest& request,
                          Reply<v1::ListSweepsResponse> reply) = 0;
  virtual void PreviewSweep(const v1::PreviewSweepRequest& request,
                            Reply<v1::PreviewSweepResponse> reply) = 0;
  virtual void ListCells(const v1::ListCellsRequest& request,
                         Reply<v1::ListCellsResponse> reply) = 0;
  virtual void CancelSweep(const v1::CancelSweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void PauseSweep(const v1::PauseSweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void ResumeSweep(const v1::ResumeSweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void RetrySweep(const v1::RetrySweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void UpdateSweep(const v1::UpdateSweepRequest& request, Reply<v1::Sweep> reply) = 0;
  virtual void DeleteSweep(const v1::DeleteSweepRequest& request,
                           Reply<google::protobuf::Empty> reply) = 0;
  // WatchEvents. A refused request (an unknown sweep, say) is the status of the first Next. The
  // HTTP stream `/v1/events` is the same: Last-Event-ID is `after_event`.
  virtual std::shared_ptr<Subscription> Subscribe(const v1::WatchEventsRequest& request) = 0;

  // TrialService
  virtual void GetTrial(const v1::GetTrialRequest& request, Reply<v1::Trial> reply) = 0;
  virtual void ListTrials(const v1::ListTrialsRequest& request,
                          Reply<v1::ListTrialsResponse> reply) = 0;
  virtual void GetTrialLog(const v1::GetTrialLogRequest& request,
                           Reply<v1::GetTrialLogResponse> reply) = 0;
  virtual void ListTrialMetrics(const v1::ListTrialMetricsRequest& request,
                                Reply<v1::ListTrialMetricsResponse> reply) = 0;
  virtual void GetTrialMask(const v1::GetTrialMaskRequest& request,
                            Reply<v1::TrialMask> reply) = 0;
  virtual void CancelTrial(const v1::CancelTrialRequest& request, Reply<v1::Trial> reply) = 0;
  virtual void PauseTrial(const v1::PauseTrialRequest& request, Reply<v1::Trial> reply) = 0;
  virtual void ResumeTrial(const v1::ResumeTrialRequest& request, Reply<v1::Trial> reply) = 0;
  virtual void RetryTrial(const v1::RetryTrialRequest& request, Reply<v1::Trial> reply) = 0;
  virtual void InvalidateResults(const v1::InvalidateResultsRequest& request,
                                 Reply<v1::InvalidateResultsResponse> reply) = 0;

  // WorkerService. A Sync with `hold_ms` may be answered much later (long poll).
  virtual void Sync(const v1::SyncRequest& request, Reply<v1::SyncResponse> reply) = 0;
  // Whoever sent this Sync is gone: if it is still held it is answered, so that no work is given to
  // a worker that nobody hears.
  virtual void AbandonSync(const v1::SyncRequest&) {}
  virtual std::shared_ptr<BlobUpload> PutBlob() = 0;
  // One piece of a blob, from `offset` on; an empty chunk at the end.
  virtual void ReadBlob(const v1::GetBlobRequest& request, int64_t offset,
                        Reply<v1::GetBlobResponse> reply) = 0;
  virtual void ListWorkers(const v1::ListWorkersRequest& request,
                           Reply<v1::ListWorkersResponse> reply) = 0;
  virtual void DrainWorker(const v1::DrainWorkerRequest& request, Reply<v1::Worker> reply) = 0;

  // QueryService
  virtual void Query(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) = 0;
  // The same for the server's own questions (/metrics): no query of a stranger keeps it waiting.
  virtual void QueryOwn(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) = 0;

  // DatabaseService
  virtual void BackUpDatabase(const v1::BackUpDatabaseRequest& request,
                              Reply<v1::BackUpDatabaseResponse> reply) = 0;

  // What has been counted since the start, in Prometheus' text form. At once.
  virtual std::string Counters() const { return ""; }
};

}  // namespace sparsweep
