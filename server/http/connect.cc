// The table from path to method, and protobuf JSON on both sides of it.
#include "server/http/connect.h"

#include <google/protobuf/util/json_util.h>

#include <map>
#include <nlohmann/json.hpp>

#include "google/rpc/error_details.pb.h"

namespace sparsweep {
namespace {

using google::protobuf::Message;

std::string ToJson(const Message& message) {
  std::string text;
  SPARSWEEP_CHECK(google::protobuf::util::MessageToJsonString(message, &text).ok());
  return text;
}

Status FromJson(const std::string& body, Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(body, &message);
  if (status.ok()) return {};
  return InvalidArgument("the request is not the JSON form of " +
                         message.GetDescriptor()->full_name() + ": " +
                         std::string(status.message()));
}

template <typename Request, typename Response>
ConnectMethod Unary(void (Api::*call)(const Request&, Reply<Response>)) {
  return [call](Api& api, const std::string& body, std::function<void(FinishAnswer)> done) {
    Request request;
    if (Status status = FromJson(body, request); !status.ok()) {
      done([status] { return ConnectError(status); });
      return;
    }
    (api.*call)(request, [done](Result<Response> result) {
      done([result = std::move(result)]() -> HttpAnswer {
        if (!result.ok()) return ConnectError(result.status());
        return {.body = ToJson(*result)};
      });
    });
  };
}

struct ConnectCode {
  const char* name;
  int http;
};

// Connect's table of codes.
ConnectCode CodeOf(StatusCode code) {
  switch (code) {
    case StatusCode::kCancelled:
      return {"canceled", 499};
    case StatusCode::kInvalidArgument:
      return {"invalid_argument", 400};
    case StatusCode::kDeadlineExceeded:
      return {"deadline_exceeded", 504};
    case StatusCode::kNotFound:
      return {"not_found", 404};
    case StatusCode::kAlreadyExists:
      return {"already_exists", 409};
    case StatusCode::kPermissionDenied:
      return {"permission_denied", 403};
    case StatusCode::kResourceExhausted:
      return {"resource_exhausted", 429};
    case StatusCode::kFailedPrecondition:
      return {"failed_precondition", 400};
    case StatusCode::kAborted:
      return {"aborted", 409};
    case StatusCode::kUnavailable:
      return {"unavailable", 503};
    case StatusCode::kDataLoss:
      return {"data_loss", 500};
    case StatusCode::kOk:
    case StatusCode::kInternal:
      break;
  }
  return {"internal", 500};
}

// Base64 without padding, as Connect writes the bytes of a detail.
std::string Base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (const unsigned char byte : bytes) {
    bits = bits << 8 | byte;
    count += 8;
    while (count >= 6) text += kDigits[bits >> (count -= 6) & 63];
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63];
  return text;
}

}  // namespace

const ConnectMethod* FindConnectMethod(std::string_view path) {
  static const auto& methods = *new std::map<std::string, ConnectMethod, std::less<>>{
      {"/sparsweep.v1.SweepService/CreateSweep", Unary(&Api::CreateSweep)},
      {"/sparsweep.v1.SweepService/GetSweep", Unary(&Api::GetSweep)},
      {"/sparsweep.v1.SweepService/ListSweeps", Unary(&Api::ListSweeps)},
      {"/sparsweep.v1.SweepService/PreviewSweep", Unary(&Api::PreviewSweep)},
      {"/sparsweep.v1.SweepService/ListCells", Unary(&Api::ListCells)},
      {"/sparsweep.v1.SweepService/CancelSweep", Unary(&Api::CancelSweep)},
      {"/sparsweep.v1.SweepService/PauseSweep", Unary(&Api::PauseSweep)},
      {"/sparsweep.v1.SweepService/ResumeSweep", Unary(&Api::ResumeSweep)},
      {"/sparsweep.v1.SweepService/RetrySweep", Unary(&Api::RetrySweep)},
      {"/sparsweep.v1.SweepService/UpdateSweep", Unary(&Api::UpdateSweep)},
      {"/sparsweep.v1.SweepService/DeleteSweep", Unary(&Api::DeleteSweep)},
      {"/sparsweep.v1.TrialService/GetTrial", Unary(&Api::GetTrial)},
      {"/sparsweep.v1.TrialService/ListTrials", Unary(&Api::ListTrials)},
      {"/sparsweep.v1.TrialService/GetTrialLog", Unary(&Api::GetTrialLog)},
      {"/sparsweep.v1.TrialService/ListTrialMetrics", Unary(&Api::ListTrialMetrics)},
      {"/sparsweep.v1.TrialService/GetTrialMask", Unary(&Api::GetTrialMask)},
      {"/sparsweep.v1.TrialService/CancelTrial", Unary(&Api::CancelTrial)},
      {"/sparsweep.v1.TrialService/PauseTrial", Unary(&Api::PauseTrial)},
      {"/sparsweep.v1.TrialService/ResumeTrial", Unary(&Api::ResumeTrial)},
      {"/sparsweep.v1.TrialService/RetryTrial", Unary(&Api::RetryTrial)},
      {"/sparsweep.v1.TrialService/InvalidateResults", Unary(&Api::InvalidateResults)},
      {"/sparsweep.v1.WorkerService/ListWorkers", Unary(&Api::ListWorkers)},
      {"/sparsweep.v1.WorkerService/DrainWorker", Unary(&Api::DrainWorker)},
      {"/sparsweep.v1.QueryService/Query", Unary(&Api::Query)},
      {"/sparsweep.v1.DatabaseService/BackUpDatabase", Unary(&Api::BackUpDatabase)},
  };
  const auto found = methods.find(path);
  return found == methods.end() ? nullptr : &found->second;
}

HttpAnswer ConnectError(const Status& status) {
  const ConnectCode code = CodeOf(status.code());
  nlohmann::json error{{"code", code.name}, {"message", status.message()}};
  if (!status.fields().empty()) {
    google::rpc::BadRequest detail;
    for (const FieldViolation& field : status.fields()) {
      auto* violation = detail.add_field_violations();
      violation->set_field(field.field);
      violation->set_description(field.description);
    }
    error["details"] = {{{"type", "google.rpc.BadRequest"},
                         {"value", Base64(detail.SerializeAsString())},
                         {"debug", nlohmann::json::parse(ToJson(detail))}}};
  }
  // A message may quote what a peer sent, valid UTF-8 or not.
  return {code.http, error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

std::string EventText(const v1::WatchEventsResponse& event) {
  std::string text;
  if (event.event() > 0) text = "id: " + std::to_string(event.event()) + "\n";
  return text + "data: " + ToJson(event) + "\n\n";
}

}  // namespace sparsweep
