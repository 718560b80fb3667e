#include "worker/link.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include "core/sha256.h"
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
  out.mutable_offer()->set_memory_bytes(call.memory_bytes);
  for (const std::string& device : call.devices) out.mutable_offer()->add_devices(device);
  out.mutable_offer()->mutable_labels()->insert(call.offered_labels.begin(),
                                                call.offered_labels.end());
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
  out.answer.drain = response.drain();
  out.answer.quarantine = std::chrono::milliseconds(response.quarantine_ms());
  out.answer.distrust = response.quarantine_reason();
  out.next_sync = std::chrono::milliseconds(response.next_sync_ms());
  out.lease = std::chrono::milliseconds(response.lease_ms());
  out.stale = response.stale();
  return out;
}

}  // namespace

// Owns every call until it has come back. gRPC's threads see plain pointers: were one of them to
// drop the last reference to the channel (a ClientContext holds one too), gRPC 1.51 would wait for
// that very thread and abort.
struct Link::Impl {
  boost::asio::io_context& io;
  std::unique_ptr<v1::WorkerService::Stub> stub;
  std::mutex mutex;
  std::condition_variable returned;
  // Guarded by mutex.
  bool closed = false;
  std::map<grpc::ClientContext*, std::shared_ptr<void>> calls;  // under way, with their owners
  std::vector<std::shared_ptr<void>> late;                      // came back after it was closed

  Impl(boost::asio::io_context& io, std::shared_ptr<grpc::Channel> channel)
      : io(io), stub(v1::WorkerService::NewStub(channel)) {}

  void Add(grpc::ClientContext* context, std::shared_ptr<void> call) {
    const std::lock_guard lock(mutex);
    calls[context] = std::move(call);
  }
  void Put(const std::string& digest, std::unique_ptr<std::istream> bytes, int64_t size,
           std::function<void(Status)> done);
  // The last thing a gRPC thread does with a call: hands it and `then` to the loop.
  void Back(grpc::ClientContext* context, std::function<void()> then) {
    const std::lock_guard lock(mutex);
    std::shared_ptr<void> call = std::move(calls[context]);
    calls.erase(context);
    if (closed) {
      late.push_back(std::move(call));
      if (calls.empty()) returned.notify_all();
      return;
    }
    boost::asio::post(io, [call = std::move(call), then = std::move(then)] { then(); });
  }
};

namespace {

struct SyncInFlight {
  grpc::ClientContext context;
  v1::SyncRequest request;
  v1::SyncResponse response;
};

// Sends one blob message by message.
class Upload : public grpc::ClientWriteReactor<v1::PutBlobRequest> {
 public:
  using Done = std::function<void(Upload*, Status)>;

  Upload(std::string digest, std::unique_ptr<std::istream> bytes, int64_t size, Done done)
      : bytes_(std::move(bytes)), left_(size), done_(std::move(done)) {
    message_.set_sha256(std::move(digest));
  }
  void Run(v1::WorkerService::Stub& stub) {
    const auto limit = std::chrono::seconds(30 + left_ / kSlowest);
    context.set_deadline(std::chrono::system_clock::now() + limit);
    stub.async()->PutBlob(&context, &response_, this);
    Next();
    StartCall();
  }
  void OnWriteDone(bool ok) override {
    if (!ok || finished_) return;
    message_.Clear();
    Next();
  }
  void OnDone(const grpc::Status& status) override {
    const Done done = std::move(done_);  // the loop may delete this before `done` returns
    done(this, FromGrpc(status));
  }

  grpc::ClientContext context;

 private:
  static constexpr int64_t kSlowest = 1 << 20;  // bytes in a second

  void Next() {
    std::string chunk(static_cast<size_t>(std::min<int64_t>(kChunk, left_)), '\0');
    bytes_->read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    message_.set_chunk(std::move(chunk));
    left_ -= static_cast<int64_t>(message_.chunk().size());
    finished_ = left_ == 0;
    if (finished_) {
      StartWriteLast(&message_, grpc::WriteOptions());
    } else {
      StartWrite(&message_);
    }
  }

  std::unique_ptr<std::istream> bytes_;
  int64_t left_;
  Done done_;
  bool finished_ = false;
  v1::PutBlobRequest message_;
  v1::PutBlobResponse response_;
};

// Writes one blob beside its place, and moves it there once it is whole.
class Download : public grpc::ClientReadReactor<v1::GetBlobResponse> {
 public:
  using Done = std::function<void(Download*, Status)>;

  Download(BlobFile file, Done done) : file_(std::move(file)), done_(std::move(done)) {
    std::error_code error;
    std::filesystem::create_directories(file_.path.parent_path(), error);
    static std::atomic<int> number = 0;
    part_ = file_.path;
    part_ += ".part" + std::to_string(getpid()) + "." + std::to_string(++number);
    out_.open(part_, std::ios::binary);
    request_.set_sha256(file_.sha256);
  }
  void Run(v1::WorkerService::Stub& stub) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(1));
    stub.async()->GetBlob(&context, &request_, this);
    StartRead(&message_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    out_.write(message_.chunk().data(), static_cast<std::streamsize>(message_.chunk().size()));
    hasher_.Update(message_.chunk());
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override {
    const Done done = std::move(done_);
    done(this, Finish(FromGrpc(status)));
  }

  grpc::ClientContext context;

 private:
  Status Finish(Status status) {
    out_.close();
    if (status.ok() && !out_) {
      status = Status(StatusCode::kResourceExhausted, part_.string() + ": cannot be written");
    }
    if (status.ok() && Hex(hasher_.Finish()) != file_.sha256) {
      status = Status(StatusCode::kDataLoss, "the server sent other bytes than " + file_.sha256);
    }
    std::error_code error;
    if (status.ok()) std::filesystem::rename(part_, file_.path, error);
    if (error) {
      status = Status(StatusCode::kResourceExhausted,
                      file_.path.string() + ": cannot be written: " + error.message());
    }
    if (!status.ok()) std::filesystem::remove(part_, error);
    return status;
  }

  const BlobFile file_;
  Done done_;
  std::filesystem::path part_;
  std::ofstream out_;
  Sha256Hasher hasher_;
  v1::GetBlobRequest request_;
  v1::GetBlobResponse message_;
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
    : impl_(std::make_unique<Impl>(io, std::move(channel))) {}

Link::~Link() {
  std::unique_lock lock(impl_->mutex);
  impl_->closed = true;
  for (const auto& [context, call] : impl_->calls) context->TryCancel();
  impl_->returned.wait(lock, [this] { return impl_->calls.empty(); });
}

void Link::Sync(const SyncCall& call, const SyncReport& report,
                std::function<void(Result<SyncAnswer>)> done) {
  auto owner = std::make_shared<SyncInFlight>();
  SyncInFlight* const flight = owner.get();
  flight->request = ToProto(call, report);
  flight->context.set_deadline(std::chrono::system_clock::now() + call.hold +
                               std::chrono::seconds(10));
  impl_->Add(&flight->context, std::move(owner));
  impl_->stub->async()->Sync(
      &flight->context, &flight->request, &flight->response,
      [impl = impl_.get(), flight, done = std::move(done)](grpc::Status status) {
        impl->Back(&flight->context, [flight, status, done] {
          if (status.ok()) {
            done(FromProto(flight->response));
          } else {
            done(FromGrpc(status));
          }
        });
      });
}

void Link::Impl::Put(const std::string& digest, std::unique_ptr<std::istream> bytes, int64_t size,
                     std::function<void(Status)> done) {
  auto owner = std::make_shared<Upload>(digest, std::move(bytes), size,
                                        [this, done](Upload* upload, Status status) {
                                          Back(&upload->context, [status, done] { done(status); });
                                        });
  Upload* const upload = owner.get();
  Add(&upload->context, std::move(owner));
  upload->Run(*stub);
}

void Link::PutBlob(const std::string& digest, std::string bytes, std::function<void(Status)> done) {
  const auto size = static_cast<int64_t>(bytes.size());
  impl_->Put(digest, std::make_unique<std::istringstream>(std::move(bytes)), size, std::move(done));
}

void Link::PutFile(const std::string& digest, const std::filesystem::path& file,
                   std::function<void(Status)> done) {
  auto bytes = std::make_unique<std::ifstream>(file, std::ios::binary);
  std::error_code error;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(file, error));
  if (error || !*bytes) {
    return done({StatusCode::kNotFound, file.string() + " cannot be read"});
  }
  impl_->Put(digest, std::move(bytes), size, std::move(done));
}

void Link::GetFile(const BlobFile& file, std::function<void(Status)> done) {
  auto owner = std::make_shared<Download>(
      file, [impl = impl_.get(), done](Download* download, Status status) {
        impl->Back(&download->context, [status, done] { done(status); });
      });
  Download* const download = owner.get();
  impl_->Add(&download->context, std::move(owner));
  download->Run(*impl_->stub);
}

}  // namespace sparsweep
