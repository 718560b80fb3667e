// What is true now and is not worth a disk write: steps of running attempts, the end of their logs,
// when a worker was last heard of, and the coverage of sweeps as the scheduler counts it.
//
// The loop writes, readers look; any thread. Lost with the process, and rebuilt by the next Syncs.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "scheduler/effect.h"

namespace sparsweep {

class Progress {
 public:
  struct Steps {
    int64_t step = 0, steps = 0;
  };
  struct LogTail {
    int64_t start = 0;  // offset of the first byte of `text` in the whole log
    std::string text;
  };

  void SetSteps(const AttemptId& attempt, Steps steps);
  std::optional<Steps> StepsOf(const AttemptId& attempt) const;
  // Adds what is new of `text`, which starts at `offset`. After a gap the tail starts anew.
  void AppendLog(const AttemptId& attempt, int64_t offset, const std::string& text);
  std::optional<LogTail> LogOf(const AttemptId& attempt) const;
  // The attempt ended: its log is a blob now, its steps are history.
  void Forget(const AttemptId& attempt, bool keep_log);

  void SetSeen(const std::string& worker, int64_t now_ms);
  std::optional<int64_t> SeenOf(const std::string& worker) const;

  void SetCoverage(SweepId sweep, const Coverage& coverage);
  std::optional<Coverage> CoverageOf(SweepId sweep) const;
  void ForgetCoverage();

 private:
  static constexpr size_t kMaxLogTail = 256 << 10;
  static constexpr size_t kMaxOrphanedLogs = 256;

  mutable std::mutex mutex_;
  std::map<AttemptId, Steps> steps_;
  std::map<AttemptId, LogTail> logs_;
  std::map<std::string, int64_t> seen_;
  std::map<SweepId, Coverage> coverage_;
};

}  // namespace sparsweep
