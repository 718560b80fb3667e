#include "worker/link.h"

#include <grpcpp/grpcpp.h>

#include <boost/asio/post.hpp>
#include <mutex>
#include <set>
#include <utility>

#include "proto/convert.h"
#include "sparsweep/v1/worker.grpc.pb.h"

namespace sparsweep {
namespace {

constexpr size_t kChunk = 512 << 10;
// A Sync must stay below 1 MiB (contracts.md); what does not fit is said in the next one.
constexpr size_t kMaxReport = 900 << 10;

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return {};
  StatusCode code = StatusCode::kInternal;
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      code = StatusCode::kUnavailable;
      break;
    case grpc::StatusCode::CANCELLED:
      code = StatusCode::kCancelled;
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      code = StatusCode::kDeadlineExceeded;
      break;
    case grpc::StatusCode::INVALID_ARGUMENT:
      code = StatusCode::kInvalidArgument;
      break;
    case grpc::StatusCode::FAILED_PRECONDITION:
      code = StatusCode::kFailedPrecondition;
      break;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      code = StatusCode::kResourceExhausted;
      break;
    default:
      break;
  }
  return {code, status.error_message()};
}

void Fill(AttemptKey key, v1::AttemptRef* out) {
  out->set_trial(key.trial);
  out->set_number(key.number);
}

v1::SyncRequest ToProto(const SyncCall& call, const SyncReport& report) {
  v1::SyncRequest out;
  out.set_worker(call.worker);
  out.set_incarnation(call.incarnation);
  out.set_sequence(call.sequence);
  out.set_slots(report.slots);
  out.set_draining(report.draining);
  *out.mutable_labels() = StructFromJson(call.labels_json);
  out.set_hold_ms(call.hold.count());
  out.set_protocol_version(kSyncProtocol);
  out.set_leaving(call.leaving);
  for (const RunningReport& running : report.running) {
    v1::RunningAttempt* item = out.add_running();
    Fill(running.attempt, item->mutable_attempt());
    item->set_step(running.step);
    item->set_steps(running.steps);
    for (const MetricPoint& point : running.points) *item->add_metrics() = ToProto(point);
    item->set_log(running.log);
    item->set_log_offset(running.log_offset);
  }
  size_t size = out.ByteSizeLong();
  for (const EndedReport& ended : report.ended) {
    v1::EndedAttempt item;
    Fill(ended.attempt, item.mutable_attempt());
    if (ended.failure) item.set_failure(FailureReasonName(*ended.failure));
    item.set_message(ended.message);
    item.set_result_json(ended.result_json);
    item.set_log_blob(ended.log_blob);
    for (const MetricPoint& point : ended.points) *item.add_metrics() = ToProto(point);
    size += item.ByteSizeLong();
    if (size > kMaxReport && out.ended_size() > 0) {
      // Absent would mean crashed: until its turn comes it is said to run.
      Fill(ended.attempt, out.add_running()->mutable_attempt());
      continue;
    }
    *out.add_ended() = std::move(item);
  }
  return out;
}

SyncAnswer FromProto(const v1::SyncResponse& response) {
  SyncAnswer out;
  for (const v1::Assignment& item : response.run()) {
    out.answer.run.push_back(
        {{item.attempt().trial(), item.attempt().number()}, item.trial_json()});
  }
  for (const v1::AttemptRef& item : response.acknowledged()) {
    out.answer.acknowledged.push_back({item.trial(), item.number()});
  }
  out.next_sync = std::chrono::milliseconds(response.next_sync_ms());
  out.lease = std::chrono::milliseconds(response.lease_ms());
  out.stale = response.stale();
  return out;
}

}  // namespace

// Outlives the Link until the last call has come back; gRPC's threads touch only this.
struct Link::Impl : std::enable_shared_from_this<Impl> {
  boost::asio::io_context& io;
  std::unique_ptr<v1::WorkerService::Stub> stub;
  std::mutex mutex;
  bool closed = false;                      // guarded by mutex, like contexts
  std::set<grpc::ClientContext*> contexts;  // of calls under way

  Impl(boost::asio::io_context& io, std::shared_ptr<grpc::Channel> channel)
      : io(io), stub(v1::WorkerService::NewStub(channel)) {}

  void Add(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex);
    contexts.insert(context);
  }
  // Runs `then` on the loop unless the link is closed.
  void Back(grpc::ClientContext* context, std::function<void()> then) {
    const std::lock_guard lock(mutex);
    contexts.erase(context);
    if (closed) return;
    boost::asio::post(io, [self = shared_from_this(), then = std::move(then)] {
      if (!self->closed) then();
    });
  }
};

namespace {

// Sends one blob message by message; deletes itself when the call is over.
class Upload : public grpc::ClientWriteReactor<v1::PutBlobRequest> {
 public:
  Upload(std::string digest, std::string bytes, std::function<void(Upload*, grpc::Status)> done)
      : bytes_(std::move(bytes)), done_(std::move(done)) {
    message_.set_sha256(std::move(digest));
  }
  void Run(v1::WorkerService::Stub& stub) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stub.async()->PutBlob(&context, &response_, this);
    Next();
    StartCall();
  }
  void OnWriteDone(bool ok) override {
    if (!ok || finished_) return;
    message_.Clear();
    Next();
  }
  void OnDone(const grpc::Status& status) override { done_(this, status); }

  grpc::ClientContext context;

 private:
  void Next() {
    message_.set_chunk(bytes_.substr(offset_, kChunk));
    offset_ += kChunk;
    finished_ = offset_ >= bytes_.size();
    if (finished_) {
      StartWriteLast(&message_, grpc::WriteOptions());
    } else {
      StartWrite(&message_);
    }
  }

  std::string bytes_;
  std::function<void(Upload*, grpc::Status)> done_;
  size_t offset_ = 0;
  bool finished_ = false;
  v1::PutBlobRequest message_;
  v1::PutBlobResponse response_;
};

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

Link::Link(boost::asio::io_context& io, std::shared_ptr<grpc::Channel> channel)
    : impl_(std::make_shared<Impl>(io, std::move(channel))) {}

Link::~Link() {
  const std::lock_guard lock(impl_->mutex);
  impl_->closed = true;
  for (grpc::ClientContext* context : impl_->contexts) context->TryCancel();
}

void Link::Sync(const SyncCall& call, const SyncReport& report,
                std::function<void(Result<SyncAnswer>)> done) {
  struct State {
    grpc::ClientContext context;
    v1::SyncRequest request;
    v1::SyncResponse response;
  };
  auto state = std::make_shared<State>();
  state->request = ToProto(call, report);
  state->context.set_deadline(std::chrono::system_clock::now() + call.hold +
                              std::chrono::seconds(10));
  impl_->Add(&state->context);
  impl_->stub->async()->Sync(&state->context, &state->request, &state->response,
                             [impl = impl_, state, done = std::move(done)](grpc::Status status) {
                               impl->Back(&state->context, [state, status, done] {
                                 if (status.ok()) {
                                   done(FromProto(state->response));
                                 } else {
                                   done(FromGrpc(status));
                                 }
                               });
                             });
}

void Link::PutBlob(const std::string& digest, std::string bytes, std::function<void(Status)> done) {
  auto* upload = new Upload(
      digest, std::move(bytes), [impl = impl_, done](Upload* upload, grpc::Status status) {
        impl->Back(&upload->context, [status, done] { done(FromGrpc(status)); });
        delete upload;
      });
  impl_->Add(&upload->context);
  upload->Run(*impl_->stub);
}

}  // namespace sparsweep
