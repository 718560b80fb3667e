// WorkerService: Sync, blobs, the list of workers.
#include <unistd.h>

#include <algorithm>

#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/services/sync_request.h"
#include "server/store/blobs.h"

namespace sparsweep {
namespace {

constexpr int64_t kRunningSyncMs = 1000, kIdleSyncMs = 500;
constexpr int64_t kBlobPiece = 256 << 10;
constexpr size_t kMaxChunk = 1 << 20;

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
  response.set_quarantine_ms(instruction.quarantine.count());
  response.set_quarantine_reason(instruction.distrust);
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
      posted.write = [self](Writer& writer) -> Status {
        const BlobWriter& blob = *self->writer_;
        // Its file may just have gone with the last trial that named it: the trouble of this
        // upload, where an error would be the store's.
        self->gone_ =
            blob.small() == nullptr &&
            access(BlobPath(self->parts_.blob_folder, blob.sha256()).c_str(), R_OK) != 0;
        if (self->gone_) return {};
        return writer.WriteBlob(blob.sha256(), blob.size(), blob.small());
      };
      posted.reply = [self, reply](Result<Outcome> outcome) {
        if (!outcome.ok()) return reply(outcome.status());
        if (self->gone_) {
          return reply(Status(StatusCode::kUnavailable,
                              "the blob's file is missing; send it again"));
        }
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
  bool gone_ = false;                   // its file; the loop's thread
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
