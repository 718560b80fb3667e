// The gRPC face: the four services, health and reflection over an Api. Handlers convert nothing and
// wait for nothing; the only files that include gRPC are in this folder.
//
// gRPC's own threads call in; Start, Stop and the channel belong to the owner's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

namespace grpc {
class Channel;
}

namespace sparsweep {

class Api;

class GrpcServer {
 public:
  // `listen` is HOST:PORT, port 0 any free one; empty: in process only. There is no TLS yet, so a
  // host beyond loopback is refused unless `insecure`.
  static Result<std::unique_ptr<GrpcServer>> Start(const std::string& listen, bool insecure,
                                                   Api& api);
  ~GrpcServer();

  uint16_t port() const;
  std::shared_ptr<grpc::Channel> InProcessChannel();
  void NotServing();  // health says so; calls are still answered
  // Cuts what is open after `deadline`.
  void Stop(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sparsweep
