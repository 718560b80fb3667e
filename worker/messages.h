// The trainer's protocol (docs/trainer-protocol.md) as values: lines to and from a trainer.
//
// Pure text; the bytes travel in child.cc. A line that is not what the page says is an error with a
// sentence, never an abort: a trainer is a peer.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"
#include "core/trial.h"

namespace sparsweep {

// One execution of a trial; the number fences late reports.
struct AttemptKey {
  int64_t trial = 0;
  int number = 0;
  auto operator<=>(const AttemptKey&) const = default;
};
// "17.2", as the trainer sees it.
std::string AttemptText(AttemptKey attempt);
std::optional<AttemptKey> ParseAttemptText(std::string_view text);

inline constexpr size_t kMaxTrainerLine = 16 << 20;
inline constexpr int kTrainerProtocol = 1;

struct TrainerReady {
  int protocol = 0;
  std::string hello;  // the whole line: versions and devices, shown to people
};
struct TrainerPhase {
  AttemptKey attempt;
  std::string phase;
  int64_t steps = 0;  // of phase "train"
};
// `step` and `eval`: where the trial is, and new metric points.
struct TrainerProgress {
  AttemptKey attempt;
  int64_t step = 0, steps = 0;  // steps 0: not said
  std::vector<MetricPoint> points;
};
struct TrainerDone {
  AttemptKey attempt;
  std::string result_json;
  std::vector<MetricPoint> points;
};
struct TrainerFailed {
  AttemptKey attempt;
  FailureReason reason = FailureReason::kCrashed;
  std::string message;
};
using TrainerMessage =
    std::variant<TrainerReady, TrainerPhase, TrainerProgress, TrainerDone, TrainerFailed>;

Result<TrainerMessage> ParseTrainerMessage(std::string_view line);

// Lines with their "\n". `trial_json` is spliced as it is.
std::string RunLine(AttemptKey attempt, const std::string& trial_json);
std::string CancelLine(AttemptKey attempt);
std::string QuitLine();

}  // namespace sparsweep
