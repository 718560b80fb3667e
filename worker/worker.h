// One worker: a loop thread with its trainers and its link to a server.
//
// Start spawns the thread, which is permanent as long as trainers live (child.h says why). The
// methods may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/result.h"

namespace grpc {
class Channel;
}

namespace sparsweep {

struct WorkerOptions {
  std::string server;                      // HOST:PORT; unused where `channel` is given
  std::shared_ptr<grpc::Channel> channel;  // of an embedded server
  std::string name;                        // empty: host name and process id
  int slots = 0;                           // 0: by cores and memory
  int threads_per_slot = 1;
  std::string data_dir;  // DATA/models, DATA/tasks
  std::string trainer;   // the sparsweep-trainer program
  std::string device = "auto";
  std::map<std::string, std::string> labels;  // what sweeps may ask for in `needs`
  std::chrono::milliseconds offline_grace = std::chrono::minutes(15);
  std::chrono::milliseconds drain_grace = std::chrono::minutes(1);  // where the server asks
  // One line now and then, for people: connected, server away, trainer crashed. Loop thread.
  std::function<void(const std::string&)> say;
};

// Not just `Worker`: so the scheduler calls its record of one, and `sparsweep` holds both.
class WorkerLoop {
 public:
  // Does not wait for the server: a worker may start first.
  static Result<std::unique_ptr<WorkerLoop>> Start(WorkerOptions options);
  ~WorkerLoop();  // Kill, then waits for the thread

  // Takes no more work and ends when nothing is left to do or say; what still runs after `grace` is
  // given back as `interrupted`, which costs the trial nothing.
  void Drain(std::chrono::milliseconds grace);
  // Ends at once. The server finds out when the leases lapse.
  void Kill();
  // Until the worker has ended by itself (after Drain) or was killed.
  void Wait();
  bool WaitFor(std::chrono::milliseconds limit);  // whether it has ended

  const std::string& name() const;
  int slots() const;

 private:
  struct Impl;
  explicit WorkerLoop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The trainer beside the running program, or $SPARSWEEP_TRAINER.
std::string DefaultTrainer();

}  // namespace sparsweep
