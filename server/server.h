// The whole server as one object: store, loop, feed, gRPC and HTTP, in the order in which they
// start and stop. The `sparsweep` program makes one (`server`, `run`, and read-only for commands
// that look into a file without a server).
//
// Start and Stop are called from one thread; everything else may be called from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "scheduler/scheduler.h"
#include "server/text_masker.h"

namespace grpc {
class Channel;
}

namespace sparsweep {

class Api;

struct ServerOptions {
  std::string db = "sparsweep.db";
  std::string data_dir;     // where registered models and tasks are (DATA/models, DATA/tasks)
  std::string grpc_listen;  // HOST:PORT, port 0: any free one; empty: in process only
  std::string http_listen;  // HOST:PORT; empty: no dashboard
  std::string web_dir;      // the built dashboard; empty: the HTTP API only
  bool insecure = false;    // listen beyond loopback although there is no TLS yet
  // No lock, no scheduler, no listening: only reads, also beside a server that runs. Refuses
  // everything that would write.
  bool read_only = false;
  TextMasker text_masker;  // null: no masks of typed texts
  SchedulerOptions scheduler;
  int64_t min_free_bytes = 64 << 20;  // below this no leases are given and nothing is accepted
};

// 0: does not listen.
struct ServerPorts {
  uint16_t grpc = 0;
  uint16_t http = 0;
};

class Server {
 public:
  // One sentence where it cannot: port in use, database locked by another server, newer schema,
  // not a database.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options);
  ~Server();  // stops with a deadline of one second

  // Start returns as soon as it serves readers; this waits until it schedules too. An error: the
  // database cannot be worked with, and the server should be stopped.
  Status Restored();

  const ServerPorts& ports() const;
  Api& api();
  // A gRPC channel to this very server, without a socket.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Health goes NOT_SERVING, held calls are answered, open calls get until `deadline`, then the
  // writer is drained and the database checkpointed and closed. Idempotent.
  void Stop(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sparsweep
