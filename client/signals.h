// SIGINT and SIGTERM as something to ask for, instead of a handler.
//
// Construct before any other thread is started: the signals are blocked in all of them and taken by
// a thread of this object. The first one is remembered; a second one ends the
// process at once with exit code 130 (trainers end with it).
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace sparsweep {

class Signals {
 public:
  Signals();
  ~Signals();

  // Waits up to `limit`; the number of the first signal, or 0.
  int WaitFor(std::chrono::milliseconds limit);
  int Wait();
  int first() const { return first_.load(); }

 private:
  std::atomic<int> first_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace sparsweep
