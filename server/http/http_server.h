// The HTTP front: serves the dashboard and the same API as gRPC in Connect's unary JSON form.
//
//   POST /sparsweep.v1.SweepService/GetSweep   every unary method that a browser may call
//   GET  /v1/events?sweep=sweeps/1             the feed as server-sent events; Last-Event-ID
//   resumes GET  /healthz, /metrics                    for probes and Prometheus GET  anything else
//   the dashboard
//
// It knows the Api and nothing below it. One thread of its own runs everything; Start, port and
// Stop are called from the owner's. It has no TLS and no accounts: it listens on loopback unless
// told otherwise, and refuses requests that another web site made a browser send (guard.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

namespace sparsweep {

class Api;

struct HttpOptions {
  std::string address = "127.0.0.1";  // a host name or an IP address
  uint16_t port = 0;                  // 0: any free one
  std::string web_dir = "";           // the built dashboard (web/dist); empty: the API only
  bool insecure = false;              // listen beyond loopback
  int heartbeat_seconds = 15;         // of an event stream on which nothing happens
};

class HttpServer {
 public:
  // One sentence where it cannot: port in use, not a local address, no dashboard in web_dir.
  static Result<std::unique_ptr<HttpServer>> Start(HttpOptions options, Api& api);
  ~HttpServer();

  int port() const;
  // Cuts every connection. Idempotent. Afterwards the Api is not called any more, and its late
  // replies are harmless.
  void Stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sparsweep
