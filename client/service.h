// The gRPC client library: one connection to a server, whether over TCP or in this process.
//
// Commands speak to the same stubs in both cases. Blocking; one Service may be used by one thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "core/result.h"
#include "sparsweep/v1/database.grpc.pb.h"
#include "sparsweep/v1/query.grpc.pb.h"
#include "sparsweep/v1/sweep.grpc.pb.h"
#include "sparsweep/v1/trial.grpc.pb.h"
#include "sparsweep/v1/worker.grpc.pb.h"

namespace sparsweep {

class Server;

// Where a command finds its server. Both empty: the server that listens at kDefaultListen, or else
// the file kDefaultDb of this folder.
struct ServiceAddress {
  std::string server;  // HOST:PORT
  std::string db;      // a database file, opened in this process
  std::string data_dir;
};
inline constexpr const char* kDefaultListen = "127.0.0.1:7070";
inline constexpr const char* kDefaultHttp = "127.0.0.1:7071";
inline constexpr const char* kDefaultDb = "sparsweep.db";

Status FromGrpc(const grpc::Status& status);

class Service {
 public:
  enum class Access { kRead, kWrite };
  // kWrite on a file takes its lock, so that it is refused while a server has it.
  static Result<std::unique_ptr<Service>> Open(const ServiceAddress& address, Access access);
  // Of a server in this process, which must outlive it.
  explicit Service(std::shared_ptr<grpc::Channel> channel);
  ~Service();

  v1::SweepService::Stub& sweeps() { return *sweeps_; }
  v1::TrialService::Stub& trials() { return *trials_; }
  v1::WorkerService::Stub& workers() { return *workers_; }
  v1::QueryService::Stub& query() { return *query_; }
  v1::DatabaseService::Stub& database() { return *database_; }

 private:
  std::unique_ptr<Server> server_;  // of a file opened in this process
  std::unique_ptr<v1::SweepService::Stub> sweeps_;
  std::unique_ptr<v1::TrialService::Stub> trials_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::QueryService::Stub> query_;
  std::unique_ptr<v1::DatabaseService::Stub> database_;
};

// One unary call: Call(service->sweeps(), &v1::SweepService::Stub::GetSweep, request).
template <typename Stub, typename Request, typename Response>
Result<Response> Call(Stub& stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

// "sweeps/3" of "3", "sweeps/3", the name of a sweep (its newest), or "" (the newest of all).
Result<std::string> FindSweep(Service& service, const std::string& text);
// "trials/17" of "17" or "trials/17".
Result<std::string> TrialName(const std::string& text);
// Of such a name.
Result<v1::Trial> GetTrial(Service& service, const std::string& name);

}  // namespace sparsweep
