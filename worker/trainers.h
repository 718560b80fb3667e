// The trainer processes of a worker, one per slot at most, and the logs of what they run.
//
// Carries out and reports; what to start, stop or run is the agent's to decide. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent.h"
#include "worker/attempt_log.h"
#include "worker/child.h"

namespace sparsweep {

class Trainers {
 public:
  struct Events {
    std::function<void(int slot, const TrainerMessage&)> on_message;
    std::function<void(int slot, const std::string& sentence)> on_garbage;
    std::function<void(int slot, const TrainerExit&)> on_exit;
  };

  // `command` is the program with its arguments, without "--protocol-fd".
  Trainers(boost::asio::io_context& io, int slots, std::vector<std::string> command, Events events);

  // on_exit follows where it cannot be started, but not from inside this call.
  void Start(int slot, AttemptKey attempt);
  // `heading` is the first line of the attempt's log.
  void Run(int slot, AttemptKey attempt, const std::string& trial_json, const std::string& heading);
  void Cancel(int slot, AttemptKey attempt);
  void Kill(int slot);

  // The log of an attempt under way; nullptr where there is none.
  AttemptLog* FindLog(AttemptKey attempt);
  // Ends the attempt's log, with what the trainer wrote until now, and gives it away.
  std::string TakeLog(AttemptKey attempt);

 private:
  struct Slot {
    std::unique_ptr<Child> child;
    std::optional<AttemptKey> log;  // whose log its output is
    std::string last_words;
    int64_t oom_kills = 0;  // the kernel's counter when the trainer was started
  };
  AttemptLog& LogOf(AttemptKey attempt);
  void OnLine(int slot, std::string_view line);
  void OnLog(int slot, std::string_view text);
  void OnExit(int slot, const ChildExit& exit);

  boost::asio::io_context& io_;
  const std::vector<std::string> command_;
  const Events events_;
  const std::string log_folder_;
  std::map<AttemptKey, std::unique_ptr<AttemptLog>> logs_;
  std::vector<Slot> slots_;
};

}  // namespace sparsweep
