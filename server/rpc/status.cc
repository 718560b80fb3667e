#include "server/rpc/status.h"

#include <grpcpp/support/error_details.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sparsweep {
namespace {

// Details travel in a header of at most 8 KiB, in base64.
constexpr size_t kMaxDetails = 5 << 10;
constexpr size_t kMaxMessage = 2 << 10;

grpc::StatusCode CodeOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return grpc::StatusCode::OK;
    case StatusCode::kCancelled: return grpc::StatusCode::CANCELLED;
    case StatusCode::kInvalidArgument: return grpc::StatusCode::INVALID_ARGUMENT;
    case StatusCode::kDeadlineExceeded: return grpc::StatusCode::DEADLINE_EXCEEDED;
    case StatusCode::kNotFound: return grpc::StatusCode::NOT_FOUND;
    case StatusCode::kAlreadyExists: return grpc::StatusCode::ALREADY_EXISTS;
    case StatusCode::kPermissionDenied: return grpc::StatusCode::PERMISSION_DENIED;
    case StatusCode::kResourceExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case StatusCode::kFailedPrecondition: return grpc::StatusCode::FAILED_PRECONDITION;
    case StatusCode::kAborted: return grpc::StatusCode::ABORTED;
    case StatusCode::kInternal: return grpc::StatusCode::INTERNAL;
    case StatusCode::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
    case StatusCode::kDataLoss: return grpc::StatusCode::DATA_LOSS;
  }
  return grpc::StatusCode::UNKNOWN;
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message = status.message();
  if (message.size() > kMaxMessage) {
    size_t end = kMaxMessage;
    while (end > 0 && (message[end] & 0xc0) == 0x80) --end;
    message = message.substr(0, end) + "…";
  }
  if (status.fields().empty()) return {CodeOf(status.code()), message};
  google::rpc::BadRequest details;
  for (const FieldViolation& field : status.fields()) {
    auto* violation = details.add_field_violations();
    violation->set_field(field.field);
    violation->set_description(field.description);
    if (details.ByteSizeLong() > kMaxDetails) {
      details.mutable_field_violations()->RemoveLast();
      break;
    }
  }
  google::rpc::Status rich;
  rich.set_code(CodeOf(status.code()));
  rich.set_message(message);
  rich.add_details()->PackFrom(details);
  grpc::Status result;
  grpc::SetErrorDetails(rich, &result);
  return result;
}

}  // namespace sparsweep
