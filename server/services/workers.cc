// WorkerService: Sync, checked and turned into facts; blobs; the list of workers.
#include <algorithm>
#include <cmath>

#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/store/blobs.h"

namespace sparsweep {
namespace {

constexpr size_t kMaxSyncBytes = 1 << 20;
constexpr int32_t kProtocolVersion = 1;
constexpr size_t kMaxName = 128, kMaxIncarnation = 64, kMaxMessage = 4096, kMaxMetricName = 128;
constexpr int32_t kMaxSlots = 4096;
constexpr int kMaxOffered = 64;
constexpr int64_t kMaxHoldMs = 600'000;
constexpr int64_t kRunningSyncMs = 1000, kIdleSyncMs = 500;
constexpr int64_t kBlobPiece = 256 << 10;
constexpr size_t kMaxChunk = 1 << 20;

Status CheckText(const std::string& field, const std::string& value, size_t most) {
  if (value.empty()) return InvalidField(field, field + " is empty");
  if (value.size() > most) {
    return InvalidField(field, field + " has " + std::to_string(value.size()) +
                                   " bytes; at most " + std::to_string(most));
  }
  for (const char c : value) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      return InvalidField(field, field + " holds a control character");
    }
  }
  return {};
}

std::string Item(const char* list, int index, const char* field) {
  return std::string(list) + "[" + std::to_string(index) + "]." + field;
}

Status CheckAttempt(const std::string& field, const v1::AttemptRef& attempt) {
  if (attempt.trial() > 0 && attempt.number() > 0) return {};
  return InvalidField(field, "an attempt has a trial and a number from 1 on");
}

// A point that is not finite says nothing that can be drawn or compared: it is dropped, since
// refusing it would lose the attempt.
std::vector<MetricPoint> Points(const google::protobuf::RepeatedPtrField<v1::MetricPoint>& list,
                                Refusals& refusals) {
  std::vector<MetricPoint> points;
  for (const v1::MetricPoint& point : list) {
    if (!std::isfinite(point.value()) || !std::isfinite(point.epoch()) || point.step() < 0 ||
        point.name().empty() || point.name().size() > kMaxMetricName) {
      refusals.Count(Refusals::kBadPoint);
      continue;
    }
    points.push_back(FromProto(point));
  }
  return points;
}

// A result that cannot be read is a failure of the worker that sent it.
EndedAttempt Ended(const v1::EndedAttempt& message, FailureReason reason, std::string why) {
  return {{message.attempt().trial(), message.attempt().number()},
          reason,
          std::move(why),
          "",
          message.log_blob()};
}

Status CheckResult(const TrialResult& result) {
  if (!std::isfinite(result.value) || !std::isfinite(result.density)) {
    return InvalidArgument("its value is not a finite number");
  }
  if (!IsDigest(result.attestation_root)) return InvalidArgument("it has no attestation root");
  if (result.masks.empty()) return InvalidArgument("it attests no mask");
  return {};
}

Result<EndedAttempt> ToEnded(const v1::EndedAttempt& message, int index, Refusals& refusals) {
  if (Status status = CheckAttempt(Item("ended", index, "attempt"), message.attempt());
      !status.ok()) {
    return status;
  }
  if (!message.log_blob().empty() && !IsDigest(message.log_blob())) {
    return InvalidField(Item("ended", index, "log_blob"),
                        "log_blob is not 64 lower-case hex digits");
  }
  if (!message.failure().empty()) {
    const auto reason = ParseFailureReason(message.failure());
    if (!reason) {
      return InvalidField(Item("ended", index, "failure"),
                          "\"" + message.failure().substr(0, 100) + "\" is no failure reason");
    }
    return Ended(message, *reason, ToUtf8(message.message().substr(0, kMaxMessage), true, nullptr));
  }
  const Result<TrialResult> result = ParseTrialResult(message.result_json());
  const Status status = result.ok() ? CheckResult(*result) : result.status();
  if (!status.ok()) {
    refusals.Count(Refusals::kBadResult);
    return Ended(message, FailureReason::kCrashed,
                 "the result cannot be accepted: " + status.message());
  }
  return EndedAttempt{{message.attempt().trial(), message.attempt().number()},
                      std::nullopt,
                      "",
                      message.result_json(),
                      message.log_blob()};
}

Status CheckOffer(const v1::WorkerOffer& offer) {
  if (offer.memory_bytes() < 0) {
    return InvalidField("offer.memory_bytes", "memory_bytes must not be negative");
  }
  if (offer.devices_size() > kMaxOffered || offer.labels_size() > kMaxOffered) {
    return InvalidField("offer", "an offer has at most " + std::to_string(kMaxOffered) +
                                     " devices and as many labels");
  }
  for (const std::string& device : offer.devices()) {
    if (Status s = CheckText("offer.devices", device, kMaxName); !s.ok()) return s;
  }
  for (const auto& [name, value] : offer.labels()) {
    if (Status s = CheckText("offer.labels", name, kMaxName); !s.ok()) return s;
    if (Status s = CheckText("offer.labels." + name, value, kMaxName); !s.ok()) return s;
  }
  return {};
}

Result<Posted> ToPosted(const v1::SyncRequest& request, Refusals& refusals) {
  if (request.ByteSizeLong() > kMaxSyncBytes) {
    return Status(StatusCode::kResourceExhausted,
                  "the Sync has more than 1 MiB; send fewer metric points and log lines at once");
  }
  if (request.protocol_version() != kProtocolVersion) {
    return Status(StatusCode::kFailedPrecondition,
                  "the worker speaks protocol " + std::to_string(request.protocol_version()) +
                      ", this server " + std::to_string(kProtocolVersion) +
                      "; use the same version of sparsweep on both");
  }
  if (Status s = CheckText("worker", request.worker(), kMaxName); !s.ok()) return s;
  if (Status s = CheckText("incarnation", request.incarnation(), kMaxIncarnation); !s.ok()) {
    return s;
  }
  if (request.sequence() < 0) return InvalidField("sequence", "sequence must not be negative");
  if (request.slots() < 0 || request.slots() > kMaxSlots) {
    return InvalidField("slots", "slots must be 0 to " + std::to_string(kMaxSlots));
  }
  if (request.hold_ms() < 0 || request.hold_ms() > kMaxHoldMs) {
    return InvalidField("hold_ms", "hold_ms must be 0 to " + std::to_string(kMaxHoldMs));
  }
  Posted posted;
  posted.hold = Duration(request.hold_ms());
  posted.leaving = request.leaving();
  WorkerSynced sync;
  sync.worker = request.worker();
  sync.incarnation = request.incarnation();
  sync.sequence = request.sequence();
  sync.draining = request.draining() || request.leaving();
  sync.slots = sync.draining ? 0 : request.slots();
  sync.labels_json = StructToJson(request.labels());
  if (Status s = CheckOffer(request.offer()); !s.ok()) return s;
  sync.offer.memory_bytes = request.offer().memory_bytes();
  sync.offer.devices.assign(request.offer().devices().begin(), request.offer().devices().end());
  sync.offer.labels.insert(request.offer().labels().begin(), request.offer().labels().end());
  for (int i = 0; i < request.running_size(); ++i) {
    const v1::RunningAttempt& running = request.running(i);
    if (Status s = CheckAttempt(Item("running", i, "attempt"), running.attempt()); !s.ok()) {
      return s;
    }
    const AttemptId id{running.attempt().trial(), running.attempt().number()};
    if (running.step() < 0 || running.steps() < 0 || running.log_offset() < 0) {
      return InvalidField(Item("running", i, "step"), "steps and offsets must not be negative");
    }
    sync.running.push_back({id, running.step(), running.steps()});
    posted.metrics[id] = Points(running.metrics(), refusals);
    if (!running.log().empty()) posted.logs[id] = {running.log_offset(), running.log()};
  }
  for (int i = 0; i < request.ended_size(); ++i) {
    Result<EndedAttempt> ended = ToEnded(request.ended(i), i, refusals);
    if (!ended.ok()) return ended.status();
    posted.metrics[ended->attempt] = Points(request.ended(i).metrics(), refusals);
    sync.ended.push_back(*std::move(ended));
  }
  posted.event = std::move(sync);
  return posted;
}

Refusals::Reason ReasonOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kFailedPrecondition:
      return Refusals::kProtocol;
    case StatusCode::kResourceExhausted:
      return Refusals::kTooLarge;
    default:
      return Refusals::kMalformed;
  }
}

// What the scheduler did not take. A held call that a newer one released is stale too, but nobody's
// fault: it has no instruction, and so no worker. A success whose log is not here yet still runs.
void CountRefused(const Instruction& instruction, const std::vector<AttemptId>& ended,
                  Refusals& refusals) {
  if (instruction.stale) {
    if (!instruction.worker.empty()) refusals.Count(Refusals::kStale);
    return;
  }
  const auto holds = [](const std::vector<AttemptId>& list, const AttemptId& id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  for (const AttemptId& id : ended) {
    if (!holds(instruction.acknowledged, id) && !holds(instruction.run, id)) {
      refusals.Count(Refusals::kNotLeased);
    }
  }
}

v1::SyncResponse ToResponse(const Outcome& outcome, bool held) {
  v1::SyncResponse response;
  const Instruction& instruction = outcome.instruction;
  response.set_stale(instruction.stale);
  response.set_drain(instruction.drain);
  response.set_lease_ms(instruction.lease.count());
  for (const AttemptId& attempt : instruction.run) {
    v1::Assignment* assignment = response.add_run();
    assignment->mutable_attempt()->set_trial(attempt.trial);
    assignment->mutable_attempt()->set_number(attempt.number);
    const auto spec = outcome.specs.find(attempt.trial);
    if (spec != outcome.specs.end()) assignment->set_trial_json(spec->second);
  }
  for (const AttemptId& attempt : instruction.acknowledged) {
    v1::AttemptRef* acknowledged = response.add_acknowledged();
    acknowledged->set_trial(attempt.trial);
    acknowledged->set_number(attempt.number);
  }
  if (!instruction.run.empty()) {
    response.set_next_sync_ms(kRunningSyncMs);
  } else {
    response.set_next_sync_ms(held ? 0 : kIdleSyncMs);
  }
  return response;
}

class Upload : public BlobUpload, public std::enable_shared_from_this<Upload> {
 public:
  explicit Upload(const LocalApi::Parts& parts) : parts_(parts) {}

  void Write(v1::PutBlobRequest message, std::function<void(Status)> done) override {
    if (parts_.loop == nullptr) return done(ReadOnly());
    if (message.chunk().size() > kMaxChunk) {
      return done(InvalidField("chunk", "a chunk has at most 1 MiB"));
    }
    if (writer_ == nullptr) {
      if (!IsDigest(message.sha256())) {
        return done(InvalidField("sha256", "the first message names the blob by its 64 "
                                           "lower-case hex digits"));
      }
      writer_ = std::make_unique<BlobWriter>(parts_.blob_folder, message.sha256());
    }
    parts_.readers.Submit([self = shared_from_this(), message = std::move(message),
                           done = std::move(done)](ReaderPool::Connections&) {
      done(self->writer_->Append(message.chunk()));
    });
  }

  void Finish(Reply<v1::PutBlobResponse> reply) override {
    if (writer_ == nullptr) {
      return reply(InvalidField("sha256", "the stream ended without a message"));
    }
    parts_.readers.Submit([self = shared_from_this(),
                           reply = std::move(reply)](ReaderPool::Connections&) {
      if (Status status = self->writer_->Finish(); !status.ok()) return reply(status);
      Posted posted;
      posted.write = [self](Writer& writer) {
        return writer.WriteBlob(self->writer_->sha256(), self->writer_->size(),
                                self->writer_->small());
      };
      posted.reply = [self, reply](Result<Outcome> outcome) {
        if (!outcome.ok()) return reply(outcome.status());
        v1::PutBlobResponse response;
        response.set_size(self->writer_->size());
        reply(std::move(response));
      };
      self->parts_.loop->Post(std::move(posted));
    });
  }

 private:
  const LocalApi::Parts parts_;
  std::unique_ptr<BlobWriter> writer_;  // touched by one call at a time
};

}  // namespace

void LocalApi::Sync(const v1::SyncRequest& request, Reply<v1::SyncResponse> reply) {
  if (parts_.loop == nullptr) return reply(ReadOnly());
  Result<Posted> posted = ToPosted(request, refusals_);
  if (!posted.ok()) {
    refusals_.Count(ReasonOf(posted.status()));
    return reply(posted.status());
  }
  const bool held = request.hold_ms() > 0;
  std::vector<AttemptId> ended;
  for (const EndedAttempt& one : std::get<WorkerSynced>(*posted->event).ended) {
    ended.push_back(one.attempt);
  }
  posted->reply = [this, held, ended = std::move(ended),
                   reply = std::move(reply)](Result<Outcome> outcome) {
    if (!outcome.ok()) return reply(outcome.status());
    CountRefused(outcome->instruction, ended, refusals_);
    reply(ToResponse(*outcome, held));
  };
  parts_.loop->Post(*std::move(posted));
}

void LocalApi::AbandonSync(const v1::SyncRequest& request) {
  if (parts_.loop == nullptr) return;
  parts_.loop->Abandon(request.worker(), request.incarnation(), request.sequence());
}

std::shared_ptr<BlobUpload> LocalApi::PutBlob() { return std::make_shared<Upload>(parts_); }

void LocalApi::ReadBlob(const v1::GetBlobRequest& request, int64_t offset,
                        Reply<v1::GetBlobResponse> reply) {
  if (!IsDigest(request.sha256())) {
    return reply(InvalidField("sha256", "sha256 is not 64 lower-case hex digits"));
  }
  if (offset < 0) return reply(InvalidField("offset", "offset must not be negative"));
  parts_.readers.Read<v1::GetBlobResponse>(
      [folder = parts_.blob_folder, sha256 = request.sha256(),
       offset](Database& db) -> Result<v1::GetBlobResponse> {
        Result<std::string> piece = ReadBlobPiece(db, folder, sha256, offset, kBlobPiece);
        if (!piece.ok()) return piece.status();
        v1::GetBlobResponse response;
        response.set_chunk(*std::move(piece));
        return response;
      },
      std::move(reply));
}

v1::Worker LocalApi::MakeWorker(const WorkerRow& row) const {
  v1::Worker worker;
  worker.set_name(row.name);
  worker.set_state(row.state);
  worker.set_slots(row.slots);
  worker.set_busy(static_cast<int32_t>(row.running.size()));
  *worker.mutable_labels() = StructFromJson(row.labels_json);
  *worker.mutable_last_seen_time() =
      Time(std::max(row.last_seen_at, parts_.progress.SeenOf(row.name).value_or(0)));
  worker.mutable_offer()->set_memory_bytes(row.offer.memory_bytes);
  for (const std::string& device : row.offer.devices) worker.mutable_offer()->add_devices(device);
  worker.mutable_offer()->mutable_labels()->insert(row.offer.labels.begin(),
                                                   row.offer.labels.end());
  worker.set_drain_requested(row.drain_requested);
  for (const AttemptId& attempt : row.running) {
    v1::WorkerTask* task = worker.add_tasks();
    task->set_trial(TrialName(attempt.trial));
    task->set_attempt(attempt.number);
    if (const auto steps = parts_.progress.StepsOf(attempt)) {
      task->set_step(steps->step);
      task->set_steps(steps->steps);
    }
  }
  return worker;
}

void LocalApi::ListWorkers(const v1::ListWorkersRequest&,
                           Reply<v1::ListWorkersResponse> reply) {
  parts_.readers.Read<v1::ListWorkersResponse>(
      [this](Database& db) -> Result<v1::ListWorkersResponse> {
        v1::ListWorkersResponse response;
        for (const WorkerRow& row : ReadWorkers(db)) *response.add_workers() = MakeWorker(row);
        return response;
      },
      std::move(reply));
}

void LocalApi::AnswerWorker(const std::string& name, Reply<v1::Worker> reply) {
  parts_.readers.Read<v1::Worker>(
      [this, name](Database& db) -> Result<v1::Worker> {
        for (const WorkerRow& row : ReadWorkers(db)) {
          if (row.name == name) return MakeWorker(row);
        }
        return Status(StatusCode::kNotFound,
                      "there is no worker \"" + name + "\"; list the workers");
      },
      std::move(reply));
}

}  // namespace sparsweep
