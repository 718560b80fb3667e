// The methods that are more than a question and an answer: three streams, and Sync, which may be
// held while its worker dies. Each reactor owns itself until gRPC says that the call is over.
//
// A reply of the Api may come on any thread while gRPC reports a cancellation on another: `mutex_`
// guards what both touch, and Finish is called once.
#include <deque>
#include <mutex>

#include "server/rpc/services.h"

namespace sparsweep {
namespace {

// Finishes a call once, whoever comes first.
template <typename Reactor>
class Once {
 public:
  void Finish(Reactor* reactor, const grpc::Status& status) {
    if (!std::exchange(finished_, true)) reactor->Finish(status);
  }
  bool finished() const { return finished_; }

 private:
  bool finished_ = false;
};

class WatchCall : public grpc::ServerWriteReactor<v1::WatchEventsResponse> {
 public:
  using Events = std::vector<v1::WatchEventsResponse>;

  explicit WatchCall(std::shared_ptr<Subscription> subscription)
      : self_(this, [](WatchCall* call) { delete call; }), subscription_(std::move(subscription)) {
    Ask();
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      if (!ok) return once_.Finish(this, grpc::Status::CANCELLED);
      if (once_.finished()) return;
      events_.pop_front();
      if (!events_.empty()) return StartWrite(&events_.front());
    }
    Ask();
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    once_.Finish(this, grpc::Status::CANCELLED);
  }
  void OnDone() override {
    subscription_.reset();
    self_.reset();  // deletes this unless a reply still runs
  }

 private:
  void Ask() {
    const auto subscription = subscription_;
    if (subscription == nullptr) return;
    subscription->Next([weak = std::weak_ptr<WatchCall>(self_)](Result<Events> events) {
      if (const auto self = weak.lock()) self->Take(std::move(events));
    });
  }
  void Take(Result<Events> events) {
    const std::lock_guard lock(mutex_);
    if (once_.finished()) return;
    if (!events.ok()) return once_.Finish(this, ToGrpc(events.status()));
    if (events->empty()) return once_.Finish(this, grpc::Status::OK);
    for (auto& event : *events) events_.push_back(std::move(event));
    StartWrite(&events_.front());
  }

  std::shared_ptr<WatchCall> self_;
  std::shared_ptr<Subscription> subscription_;
  std::mutex mutex_;
  std::deque<v1::WatchEventsResponse> events_;  // by mutex_; the first is being written
  Once<WatchCall> once_;                        // by mutex_
};

class SyncCall : public grpc::ServerUnaryReactor {
 public:
  SyncCall(Api& api, const v1::SyncRequest* request, v1::SyncResponse* response) : api_(api) {
    if (request->hold_ms() > 0) {
      held_.set_worker(request->worker());
      held_.set_incarnation(request->incarnation());
      held_.set_sequence(request->sequence());
    }
    api.Sync(*request, [this, response](Result<v1::SyncResponse> result) {
      if (!result.ok()) return Finish(ToGrpc(result.status()));
      *response = *std::move(result);
      Finish(grpc::Status::OK);
    });
  }
  void OnCancel() override {
    if (!held_.worker().empty()) api_.AbandonSync(held_);
  }
  void OnDone() override { delete this; }  // after Finish, so after the reply

 private:
  Api& api_;
  v1::SyncRequest held_;  // its name, if it may be held
};

class PutBlobCall : public grpc::ServerReadReactor<v1::PutBlobRequest> {
 public:
  PutBlobCall(std::shared_ptr<BlobUpload> upload, v1::PutBlobResponse* response)
      : self_(this, [](PutBlobCall* call) { delete call; }),
        upload_(std::move(upload)),
        response_(response) {
    StartRead(&message_);
  }

  void OnReadDone(bool ok) override {
    const auto self = self_;
    if (!ok) {  // the client has sent all
      upload_->Finish([self](Result<v1::PutBlobResponse> result) {
        if (result.ok()) *self->response_ = *result;
        self->Finish(ToGrpc(result.ok() ? Status() : result.status()));
      });
      return;
    }
    upload_->Write(std::move(message_), [self](Status status) {
      if (!status.ok()) return self->Finish(ToGrpc(status));
      self->message_.Clear();
      self->StartRead(&self->message_);
    });
  }
  void OnDone() override { self_.reset(); }

 private:
  std::shared_ptr<PutBlobCall> self_;
  std::shared_ptr<BlobUpload> upload_;
  v1::PutBlobResponse* response_;
  v1::PutBlobRequest message_;
};

class GetBlobCall : public grpc::ServerWriteReactor<v1::GetBlobResponse> {
 public:
  GetBlobCall(Api& api, v1::GetBlobRequest request)
      : self_(this, [](GetBlobCall* call) { delete call; }),
        api_(api),
        request_(std::move(request)) {
    Ask();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    offset_ += static_cast<int64_t>(piece_.chunk().size());
    Ask();
  }
  void OnDone() override { self_.reset(); }

 private:
  void Ask() {
    api_.ReadBlob(request_, offset_, [self = self_](Result<v1::GetBlobResponse> piece) {
      if (!piece.ok()) return self->Finish(ToGrpc(piece.status()));
      if (piece->chunk().empty()) return self->Finish(grpc::Status::OK);
      self->piece_ = *std::move(piece);
      self->StartWrite(&self->piece_);
    });
  }

  std::shared_ptr<GetBlobCall> self_;
  Api& api_;
  const v1::GetBlobRequest request_;
  int64_t offset_ = 0;
  v1::GetBlobResponse piece_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchEventsResponse>* SweepRpc::WatchEvents(
    CallContext*, const v1::WatchEventsRequest* request) {
  return new WatchCall(api_.Subscribe(*request));
}

UnaryCall* WorkerRpc::Sync(CallContext*, const v1::SyncRequest* request,
                           v1::SyncResponse* response) {
  return new SyncCall(api_, request, response);
}

grpc::ServerReadReactor<v1::PutBlobRequest>* WorkerRpc::PutBlob(CallContext*,
                                                                v1::PutBlobResponse* response) {
  return new PutBlobCall(api_.PutBlob(), response);
}

grpc::ServerWriteReactor<v1::GetBlobResponse>* WorkerRpc::GetBlob(
    CallContext*, const v1::GetBlobRequest* request) {
  return new GetBlobCall(api_, *request);
}

}  // namespace sparsweep
