// The Api over a database file: converts, validates, posts to the loop, reads on the pool.
//
// Any thread. What it is made of must outlive it and every reply.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/grid.h"
#include "server/api.h"
#include "server/feed/feed.h"
#include "server/loop/loop.h"
#include "server/loop/progress.h"
#include "server/services/refusals.h"
#include "server/services/statistics_cache.h"
#include "server/services/text_pictures.h"
#include "server/store/reader_pool.h"
#include "server/store/reads.h"

namespace sparsweep {

class LocalApi : public Api {
 public:
  struct Parts {
    ReaderPool& readers;
    Feed& feed;
    Progress& progress;
    Resolver& resolver;
    std::string blob_folder;
    Loop* loop = nullptr;  // null: read only
    TextPictures* texts = nullptr;  // null: there is no trainer program
  };
  explicit LocalApi(Parts parts) : parts_(std::move(parts)) {}

  void CreateSweep(const v1::CreateSweepRequest& request, Reply<v1::Sweep> reply) override;
  void GetSweep(const v1::GetSweepRequest& request, Reply<v1::Sweep> reply) override;
  void ListSweeps(const v1::ListSweepsRequest& request,
                  Reply<v1::ListSweepsResponse> reply) override;
  void PreviewSweep(const v1::PreviewSweepRequest& request,
                    Reply<v1::PreviewSweepResponse> reply) override;
  void ListCells(const v1::ListCellsRequest& request,
                 Reply<v1::ListCellsResponse> reply) override;
  void CancelSweep(const v1::CancelSweepRequest& request, Reply<v1::Sweep> reply) override;
  void PauseSweep(const v1::PauseSweepRequest& request, Reply<v1::Sweep> reply) override;
  void ResumeSweep(const v1::ResumeSweepRequest& request, Reply<v1::Sweep> reply) override;
  void RetrySweep(const v1::RetrySweepRequest& request, Reply<v1::Sweep> reply) override;
  void UpdateSweep(const v1::UpdateSweepRequest& request, Reply<v1::Sweep> reply) override;
  void DeleteSweep(const v1::DeleteSweepRequest& request,
                   Reply<google::protobuf::Empty> reply) override;
  std::shared_ptr<Subscription> Subscribe(const v1::WatchEventsRequest& request) override;

  void GetTrial(const v1::GetTrialRequest& request, Reply<v1::Trial> reply) override;
  void ListTrials(const v1::ListTrialsRequest& request,
                  Reply<v1::ListTrialsResponse> reply) override;
  void GetTrialLog(const v1::GetTrialLogRequest& request,
                   Reply<v1::GetTrialLogResponse> reply) override;
  void ListTrialMetrics(const v1::ListTrialMetricsRequest& request,
                        Reply<v1::ListTrialMetricsResponse> reply) override;
  void GetTrialMask(const v1::GetTrialMaskRequest& request, Reply<v1::TrialMask> reply) override;
  void CancelTrial(const v1::CancelTrialRequest& request, Reply<v1::Trial> reply) override;
  void PauseTrial(const v1::PauseTrialRequest& request, Reply<v1::Trial> reply) override;
  void ResumeTrial(const v1::ResumeTrialRequest& request, Reply<v1::Trial> reply) override;
  void RetryTrial(const v1::RetryTrialRequest& request, Reply<v1::Trial> reply) override;
  void InvalidateResults(const v1::InvalidateResultsRequest& request,
                         Reply<v1::InvalidateResultsResponse> reply) override;

  void Sync(const v1::SyncRequest& request, Reply<v1::SyncResponse> reply) override;
  void AbandonSync(const v1::SyncRequest& request) override;
  std::shared_ptr<BlobUpload> PutBlob() override;
  void ReadBlob(const v1::GetBlobRequest& request, int64_t offset,
                Reply<v1::GetBlobResponse> reply) override;
  void ListWorkers(const v1::ListWorkersRequest& request,
                   Reply<v1::ListWorkersResponse> reply) override;
  void DrainWorker(const v1::DrainWorkerRequest& request, Reply<v1::Worker> reply) override;

  void Query(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) override;
  void QueryOwn(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) override;
  std::string Counters() const override { return refusals_.Text(); }

  void BackUpDatabase(const v1::BackUpDatabaseRequest& request,
                      Reply<v1::BackUpDatabaseResponse> reply) override;

 private:
  // What a person asks: checked, posted, answered once it is on disk.
  void Ask(Event event, PersonsRequest request, std::function<void(Result<Outcome>)> reply);
  // Answers with the sweep, or the trial, as it is then.
  template <typename Request>
  void ChangeSweep(const Request& request, std::function<Event(SweepId, TrialChoice)> event,
                   Reply<v1::Sweep> reply);
  template <typename Request>
  void ChangeTrial(const Request& request, const std::function<Event(TrialId)>& event,
                   Reply<v1::Trial> reply);
  void AnswerSweep(SweepId id, Reply<v1::Sweep> reply);
  void AnswerTrial(TrialId id, Reply<v1::Trial> reply);
  void AnswerWorker(const std::string& name, Reply<v1::Worker> reply);
  v1::Worker MakeWorker(const WorkerRow& row) const;

  const Parts parts_;
  std::atomic<bool> backing_up_{false};
  Refusals refusals_;
  StatisticsCache statistics_;
};

}  // namespace sparsweep
