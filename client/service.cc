#include "client/service.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/nearest.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/server.h"

namespace sparsweep {
namespace {

// Whether something accepts connections at kDefaultListen; decided within 200 ms.
bool DefaultServerListens() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  addrinfo* address = nullptr;
  bool connected = false;
  if (getaddrinfo("127.0.0.1", "7070", nullptr, &address) == 0) {
    connected = connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (!connected && errno == EINPROGRESS) {
      pollfd wait{fd, POLLOUT, 0};
      int error = 0;
      socklen_t size = sizeof error;
      connected = poll(&wait, 1, 200) == 1 &&
                  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    freeaddrinfo(address);
  }
  close(fd);
  return connected;
}

}  // namespace

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return {};
  StatusCode code = StatusCode::kInternal;
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
      code = StatusCode::kCancelled;
      break;
    case grpc::StatusCode::INVALID_ARGUMENT:
      code = StatusCode::kInvalidArgument;
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      code = StatusCode::kDeadlineExceeded;
      break;
    case grpc::StatusCode::NOT_FOUND:
      code = StatusCode::kNotFound;
      break;
    case grpc::StatusCode::ALREADY_EXISTS:
      code = StatusCode::kAlreadyExists;
      break;
    case grpc::StatusCode::PERMISSION_DENIED:
      code = StatusCode::kPermissionDenied;
      break;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      code = StatusCode::kResourceExhausted;
      break;
    case grpc::StatusCode::FAILED_PRECONDITION:
      code = StatusCode::kFailedPrecondition;
      break;
    case grpc::StatusCode::ABORTED:
      code = StatusCode::kAborted;
      break;
    case grpc::StatusCode::UNAVAILABLE:
      code = StatusCode::kUnavailable;
      break;
    case grpc::StatusCode::DATA_LOSS:
      code = StatusCode::kDataLoss;
      break;
    default:
      break;
  }
  std::vector<FieldViolation> fields;
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details()) {
      google::rpc::BadRequest bad;
      if (!any.UnpackTo(&bad)) continue;
      for (const auto& field : bad.field_violations()) {
        fields.push_back({field.field(), field.description()});
      }
    }
  }
  return {code, status.error_message(), std::move(fields)};
}

Service::Service(std::shared_ptr<grpc::Channel> channel)
    : sweeps_(v1::SweepService::NewStub(channel)),
      trials_(v1::TrialService::NewStub(channel)),
      workers_(v1::WorkerService::NewStub(channel)),
      query_(v1::QueryService::NewStub(channel)),
      database_(v1::DatabaseService::NewStub(channel)) {}

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::Open(const ServiceAddress& address, Access access) {
  std::string server = address.server, db = address.db;
  if (!server.empty() && !db.empty()) {
    return InvalidArgument("--server and --db exclude each other: name the one to ask");
  }
  std::error_code error;
  if (server.empty() && db.empty()) {
    if (DefaultServerListens()) {
      server = kDefaultListen;
    } else if (std::filesystem::exists(kDefaultDb, error)) {
      db = kDefaultDb;
    } else {
      return Status{StatusCode::kUnavailable,
                    std::string("no server listens at ") + kDefaultListen + " and there is no " +
                        kDefaultDb +
                        " here; start one with \"sparsweep server\", or pass "
                        "--server HOST:PORT or --db FILE"};
    }
  }
  if (!server.empty()) {
    auto channel = grpc::CreateChannel(server, grpc::InsecureChannelCredentials());
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(5))) {
      return Status{StatusCode::kUnavailable,
                    "no server answers at " + server +
                        "; start one with \"sparsweep server\" or check --server"};
    }
    return std::make_unique<Service>(channel);
  }
  if (!std::filesystem::exists(db, error)) {
    return Status{StatusCode::kNotFound, "there is no database " + db + "; check --db"};
  }
  ServerOptions options;
  options.db = db;
  options.data_dir = address.data_dir;
  options.read_only = access == Access::kRead;
  Result<std::unique_ptr<Server>> started = Server::Start(std::move(options));
  if (!started.ok()) return started.status();
  auto service = std::make_unique<Service>((*started)->InProcessChannel());
  service->server_ = std::move(started).value();
  return service;
}

Result<std::string> FindSweep(Service& service, const std::string& text) {
  if (text.rfind("sweeps/", 0) == 0) return text;
  if (!text.empty() &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); })) {
    return "sweeps/" + text;
  }
  v1::ListSweepsRequest request;
  request.set_page_size(1000);
  std::vector<std::string> names;
  do {
    const Result<v1::ListSweepsResponse> page =
        Call(service.sweeps(), &v1::SweepService::Stub::ListSweeps, request);
    if (!page.ok()) return page.status();
    for (const v1::Sweep& sweep : page->sweeps()) {
      if (text.empty() || sweep.display_name() == text) return sweep.name();
      names.push_back(sweep.display_name());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (text.empty()) {
    return Status{StatusCode::kNotFound,
                  "there is no sweep yet; submit one with \"sparsweep submit SWEEP.json\""};
  }
  return Status{StatusCode::kNotFound,
                "there is no sweep \"" + text + "\"" + DidYouMean(text, names)};
}

Result<std::string> TrialName(const std::string& text) {
  const std::string number = text.rfind("trials/", 0) == 0 ? text.substr(7) : text;
  if (number.empty() ||
      !std::all_of(number.begin(), number.end(), [](unsigned char c) { return std::isdigit(c); })) {
    return InvalidArgument("\"" + text +
                           "\" is not the number of a trial; \"sparsweep results "
                           "--json\" and the dashboard list them");
  }
  return "trials/" + number;
}

Result<v1::Trial> GetTrial(Service& service, const std::string& name) {
  v1::GetTrialRequest request;
  request.set_name(name);
  return Call(service.trials(), &v1::TrialService::Stub::GetTrial, request);
}

}  // namespace sparsweep
