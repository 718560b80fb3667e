// Connect's unary JSON form of the API: from a path and a JSON body to a call and a JSON answer.
// Not here: HTTP itself. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "server/api.h"

namespace sparsweep {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string type = "application/json";
};

// Turns the reply into JSON; called on the HTTP thread, so that the thread which answered does not
// spend its time on text.
using FinishAnswer = std::function<HttpAnswer()>;
using ConnectMethod =
    std::function<void(Api&, const std::string& body, std::function<void(FinishAnswer)> done)>;

// "/sparsweep.v1.SweepService/GetSweep" and so on; nullptr where there is no such method. Sync and
// blobs are not among them: workers speak gRPC.
const ConnectMethod* FindConnectMethod(std::string_view path);

// {"code": "not_found", "message": "..", "details": [..]} with Connect's HTTP status. A refused
// field is a google.rpc.BadRequest detail, in its bytes and, for people, as JSON.
HttpAnswer ConnectError(const Status& status);

// One event of the feed as text of an event stream. Hints have no id, so that a client resumes
// after the last durable change.
std::string EventText(const v1::WatchEventsResponse& event);

}  // namespace sparsweep
