// An Api whose answers the test sets. Replies come from a thread of their own, as the server's do.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "server/api.h"

namespace sparsweep {

// A feed that the test pushes into.
class FakeFeed : public Subscription {
 public:
  using Events = std::vector<v1::WatchEventsResponse>;
  void Next(Reply<Events> reply) override {
    std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      waiting_ = std::move(reply);
    } else {
      reply(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  // An empty list ends the feed.
  void Push(Events events) {
    std::lock_guard lock(mutex_);
    if (waiting_) {
      std::exchange(waiting_, nullptr)(std::move(events));
    } else {
      queue_.push_back(std::move(events));
    }
  }

 private:
  std::mutex mutex_;
  std::deque<Events> queue_;
  Reply<Events> waiting_;
};

class FakeApi : public Api {
 public:
  ~FakeApi() override {
    for (std::thread& thread : threads_) thread.join();
  }

  void GetSweep(const v1::GetSweepRequest& request, Reply<v1::Sweep> reply) override {
    Later([name = request.name(), reply = std::move(reply)] {
      if (name != "sweeps/7") {
        return reply(Status(StatusCode::kNotFound, "there is no sweep \"" + name + "\""));
      }
      v1::Sweep sweep;
      sweep.set_name(name);
      sweep.set_display_name("quickstart");
      sweep.set_state(v1::SWEEP_STATE_RUNNING);
      sweep.mutable_coverage()->set_trials(int64_t{1} << 53);
      reply(sweep);
    });
  }
  void CreateSweep(const v1::CreateSweepRequest&, Reply<v1::Sweep> reply) override {
    reply(InvalidField("axes.w[2]", "axis \"w\": 3.5 is not a whole number"));
  }
  void QueryOwn(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) override {
    v1::QueryResponse response;
    if (request.sql() != "SELECT 1") {
      auto* row = response.add_rows();
      row->add_values()->set_string_value("trials");
      row->add_values()->set_string_value("queued");
      row->add_values()->set_number_value(12);
    }
    reply(response);
  }
  std::shared_ptr<Subscription> Subscribe(const v1::WatchEventsRequest& request) override {
    std::lock_guard lock(mutex_);
    watched = request;
    subscribed_.notify_all();
    return feed;
  }
  // The request of the first subscriber, once there is one.
  v1::WatchEventsRequest WaitForSubscriber() {
    std::unique_lock lock(mutex_);
    subscribed_.wait(lock, [&] { return watched.has_value(); });
    return *watched;
  }
  // Never answered: the server must stop all the same.
  void ListSweeps(const v1::ListSweepsRequest&, Reply<v1::ListSweepsResponse> reply) override {
    std::lock_guard lock(mutex_);
    held.push_back(std::move(reply));
    subscribed_.notify_all();
  }
  void WaitForHeld() {
    std::unique_lock lock(mutex_);
    subscribed_.wait(lock, [&] { return !held.empty(); });
  }

  std::shared_ptr<FakeFeed> feed = std::make_shared<FakeFeed>();
  std::optional<v1::WatchEventsRequest> watched;
  std::vector<Reply<v1::ListSweepsResponse>> held;

#define UNUSED(method, request, response)                                    \
  void method(const v1::request&, Reply<response> reply) override {          \
    reply(Status(StatusCode::kUnavailable, #method " is not in this test")); \
  }
  UNUSED(PreviewSweep, PreviewSweepRequest, v1::PreviewSweepResponse)
  UNUSED(ListCells, ListCellsRequest, v1::ListCellsResponse)
  UNUSED(CancelSweep, CancelSweepRequest, v1::Sweep)
  UNUSED(PauseSweep, PauseSweepRequest, v1::Sweep)
  UNUSED(ResumeSweep, ResumeSweepRequest, v1::Sweep)
  UNUSED(RetrySweep, RetrySweepRequest, v1::Sweep)
  UNUSED(GetTrial, GetTrialRequest, v1::Trial)
  UNUSED(ListTrials, ListTrialsRequest, v1::ListTrialsResponse)
  UNUSED(GetTrialLog, GetTrialLogRequest, v1::GetTrialLogResponse)
  UNUSED(ListTrialMetrics, ListTrialMetricsRequest, v1::ListTrialMetricsResponse)
  UNUSED(GetTrialMask, GetTrialMaskRequest, v1::TrialMask)
  UNUSED(Sync, SyncRequest, v1::SyncResponse)
  UNUSED(ListWorkers, ListWorkersRequest, v1::ListWorkersResponse)
  UNUSED(UpdateSweep, UpdateSweepRequest, v1::Sweep)
  UNUSED(DeleteSweep, DeleteSweepRequest, google::protobuf::Empty)
  UNUSED(CancelTrial, CancelTrialRequest, v1::Trial)
  UNUSED(PauseTrial, PauseTrialRequest, v1::Trial)
  UNUSED(ResumeTrial, ResumeTrialRequest, v1::Trial)
  UNUSED(RetryTrial, RetryTrialRequest, v1::Trial)
  UNUSED(InvalidateResults, InvalidateResultsRequest, v1::InvalidateResultsResponse)
  UNUSED(DrainWorker, DrainWorkerRequest, v1::Worker)
  UNUSED(Query, QueryRequest, v1::QueryResponse)
  UNUSED(BackUpDatabase, BackUpDatabaseRequest, v1::BackUpDatabaseResponse)
#undef UNUSED
  std::shared_ptr<BlobUpload> PutBlob() override { return nullptr; }
  void ReadBlob(const v1::GetBlobRequest&, int64_t, Reply<v1::GetBlobResponse> reply) override {
    reply(Status(StatusCode::kUnavailable, "ReadBlob is not in this test"));
  }

 private:
  template <typename Work>
  void Later(Work work) {
    std::lock_guard lock(mutex_);
    threads_.emplace_back(std::move(work));
  }

  std::mutex mutex_;
  std::condition_variable subscribed_;
  std::vector<std::thread> threads_;  // protected by mutex_
};

}  // namespace sparsweep
