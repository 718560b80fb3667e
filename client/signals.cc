#include "client/signals.h"

#include <signal.h>
#include <unistd.h>

#include "client/exit_codes.h"

namespace sparsweep {
namespace {

sigset_t Set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = Set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] {
    const sigset_t set = Set();
    const timespec limit{0, 200'000'000};
    while (!stop_) {
      const int number = sigtimedwait(&set, nullptr, &limit);
      if (number <= 0) continue;
      int expected = 0;
      if (!first_.compare_exchange_strong(expected, number)) _exit(kExitInterrupted);
      first_.notify_all();
    }
  });
}

Signals::~Signals() {
  stop_ = true;
  thread_.join();
}

int Signals::Wait() {
  first_.wait(0);
  return first_;
}

int Signals::WaitFor(std::chrono::milliseconds limit) {
  // std::atomic has no timed wait; 20 ms is below what a person notices.
  const auto end = std::chrono::steady_clock::now() + limit;
  while (first_ == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(
        std::chrono::milliseconds(20), end - std::chrono::steady_clock::now()));
  }
  return first_;
}

}  // namespace sparsweep
