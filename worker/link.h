// The worker's side of WorkerService: Sync, PutBlob and GetBlob over one gRPC channel.
//
// Converts between the agent's values and the wire; decides nothing. Calls are started on the loop
// thread and their callbacks come back to it. Callbacks are posted there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "worker/agent.h"
#include "worker/model_files.h"

namespace grpc {
class Channel;
}

namespace sparsweep {

inline constexpr int kSyncProtocol = 1;

// What a Sync says besides the agent's report.
struct SyncCall {
  std::string worker;
  std::string incarnation;
  int64_t sequence = 0;
  std::string labels_json;
  std::chrono::milliseconds hold{};
  bool leaving = false;
  int64_t memory_bytes = 0;  // the offer: what sweeps' needs are matched with
  std::vector<std::string> devices = {};
  std::map<std::string, std::string> offered_labels = {};
};
struct SyncAnswer {
  ServerAnswer answer;
  std::chrono::milliseconds next_sync{};
  std::chrono::milliseconds lease{};
  bool stale = false;
};

// A channel that notices a frozen server within 15 s and reconnects by itself.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server);

class Link {
 public:
  Link(boost::asio::io_context& io, std::shared_ptr<grpc::Channel> channel);
  // Cancels what is under way and waits for it. The loop must not run its handlers any more.
  ~Link();

  void Sync(const SyncCall& call, const SyncReport& report,
            std::function<void(Result<SyncAnswer>)> done);
  void PutBlob(const std::string& digest, std::string bytes, std::function<void(Status)> done);
  // The same from a file, which is read while it is sent.
  void PutFile(const std::string& digest, const std::filesystem::path& file,
               std::function<void(Status)> done);
  // Fetches a blob into a file, which appears whole and only if its SHA-256 is right.
  void GetFile(const BlobFile& file, std::function<void(Status)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sparsweep
