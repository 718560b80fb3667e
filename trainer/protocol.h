// The trainer's side of docs/trainer-protocol.md: JSON Lines over one duplex descriptor, and an
// observer that turns a run into messages. Not here: what a run does (trial_run.h). One thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/trial.h"
#include "trainer/trial_run.h"

namespace sparsweep {

struct Command {
  enum class Kind { kRun, kCancel, kQuit } kind = Kind::kQuit;
  std::string attempt;
  std::string trial_json;  // kRun
};
// One line of the protocol; an error says what is wrong with it.
Result<Command> ParseCommand(const std::string& line);

// Lines in, lines out. A closed peer reads as kQuit, once everything before it was read.
class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}

  // The next command; waits for it if `wait`, else nullopt if none has arrived.
  Result<std::optional<Command>> Next(bool wait);
  // Adds the line end. Losing the peer is noticed by Next.
  void Send(const std::string& line);

 private:
  int fd_;
  std::string buffer_;
  bool closed_ = false;
};

// Where messages go, and whether the run should end.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void Send(const std::string& line) = 0;
  virtual bool Cancelled() = 0;
};

// Writes one run's messages and its log lines. Step messages come at most every 200 ms.
class RunReporter : public TrialObserver {
 public:
  RunReporter(Outlet& outlet, std::string attempt, std::FILE* log)
      : outlet_(outlet), attempt_(std::move(attempt)), log_(log) {}

  void OnPhase(const std::string& phase, int64_t steps, int64_t epochs) override;
  void OnStep(const StepReport& report) override;
  void OnEvaluation(int64_t step, double epoch, const Metrics& metrics) override;
  bool Cancelled() override { return outlet_.Cancelled(); }

  // The last message of the run.
  void Finish(const std::variant<TrialResult, Failure>& outcome);
  void Fail(const Failure& failure);

 private:
  // `type` and attempt, `fields` (", "-less JSON members), and the points since the last message.
  void Send(const std::string& type, const std::string& fields, bool with_points);

  Outlet& outlet_;
  std::string attempt_;
  std::FILE* log_;
  std::vector<MetricPoint> points_;
  std::chrono::steady_clock::time_point last_step_message_{};
};

// The message `ready`.
std::string ReadyMessage(int threads);

}  // namespace sparsweep
