#include "server/rpc/grpc_server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <cstdlib>
#include <mutex>

#include "server/rpc/services.h"

namespace sparsweep {
namespace {

struct Endpoint {
  std::string host;
  std::string port;
};

Result<Endpoint> ParseEndpoint(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  if (colon == 0 || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535) {
    return InvalidArgument("--listen \"" + listen + "\" is not HOST:PORT, such as 127.0.0.1:7070");
  }
  return Endpoint{listen.substr(0, colon), port};
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace

struct GrpcServer::Impl {
  explicit Impl(Api& api) : sweeps(api), trials(api), workers(api), query(api), database(api) {}
  SweepRpc sweeps;
  TrialRpc trials;
  WorkerRpc workers;
  QueryRpc query;
  DatabaseRpc database;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() { Stop(std::chrono::seconds(1)); }

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(const std::string& listen, bool insecure,
                                                      Api& api) {
  static std::once_flag once;
  std::call_once(once, [] {
    // What gRPC has to say of a failure is in our status; its own lines help who asks for them.
    if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
  auto impl = std::make_unique<Impl>(api);
  grpc::ServerBuilder builder;
  if (!listen.empty()) {
    const Result<Endpoint> endpoint = ParseEndpoint(listen);
    if (!endpoint.ok()) return endpoint.status();
    if (!insecure && !IsLoopback(endpoint->host)) {
      return Status(StatusCode::kFailedPrecondition,
                    "--listen " + listen +
                        " is reachable from other machines and there is no TLS yet; listen on "
                        "127.0.0.1, or add --insecure in a network that you trust");
    }
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &impl->port);
  }
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Above the limit of a Sync, so that one too large is refused in our words, and counted.
  builder.SetMaxReceiveMessageSize(16 << 20);
  builder.RegisterService(&impl->sweeps);
  builder.RegisterService(&impl->trials);
  builder.RegisterService(&impl->workers);
  builder.RegisterService(&impl->query);
  builder.RegisterService(&impl->database);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || (!listen.empty() && impl->port == 0)) {
    return Status(StatusCode::kUnavailable,
                  "cannot listen on " + listen +
                      ": the port is in use or not this machine's; stop the other server or "
                      "choose another --listen");
  }
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

uint16_t GrpcServer::port() const { return static_cast<uint16_t>(impl_->port); }

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel() {
  return impl_->server->InProcessChannel(grpc::ChannelArguments());
}

void GrpcServer::NotServing() {
  if (impl_->server == nullptr) return;
  if (auto* health = impl_->server->GetHealthCheckService()) health->SetServingStatus(false);
}

void GrpcServer::Stop(std::chrono::milliseconds deadline) {
  if (impl_->server == nullptr) return;
  impl_->server->Shutdown(std::chrono::system_clock::now() + deadline);
  impl_->server->Wait();
  impl_->server.reset();
}

}  // namespace sparsweep
