#include "server/services/sync_request.h"

#include <cmath>

#include "proto/convert.h"
#include "server/services/utf8.h"
#include "server/store/blobs.h"

namespace sparsweep {
namespace {

constexpr size_t kMaxSyncBytes = 1 << 20;
constexpr int32_t kProtocolVersion = 1;
constexpr size_t kMaxName = 128, kMaxIncarnation = 64, kMaxMessage = 4096, kMaxMetricName = 128;
constexpr int32_t kMaxSlots = 4096;
constexpr int kMaxOffered = 64;
constexpr int64_t kMaxHoldMs = 600'000;

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
                      message.log_blob(),
                      {result->metric, result->value, result->density, result->attestation_root}};
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

}  // namespace

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

}  // namespace sparsweep
