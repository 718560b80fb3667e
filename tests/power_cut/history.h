// A scripted life of a database: the real scheduler and the real writer, one commit after another,
// with what is on disk after each of them noted when it is acknowledged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/scheduler.h"
#include "server/store/file.h"
#include "server/store/writer.h"
#include "tests/power_cut/disk.h"

namespace sparsweep {

// SHA-256 over every row of every table.
std::string Contents(Database& db);

class History {
 public:
  // `prepare` may break a mechanism of the open file (the mutants do).
  History(Disk& disk, const std::string& path, std::function<void(StoreFile&)> prepare = {});
  void Live();

  struct Acknowledged {
    size_t operation = 0;  // everything before it was done when the commit was acknowledged
    std::string contents;
  };
  const std::vector<Acknowledged>& acknowledged() const { return acknowledged_; }

 private:
  void Acknowledge();
  Instruction Apply(Event event);
  void Commit();
  // A sweep over so many windows, and the dense baseline.
  void Submit(int first_window, int windows);
  Instruction Sync(std::vector<EndedAttempt> ended = {});
  void Succeed(const AttemptId& attempt, size_t log_bytes);
  void Fail(const AttemptId& attempt, FailureReason reason);
  std::string StoreBlob(const std::string& bytes);

  Disk& disk_;
  const std::string path_;
  std::unique_ptr<StoreFile> file_;
  std::unique_ptr<Writer> writer_;
  Scheduler scheduler_;
  Instant now_{};
  int64_t sequence_ = 0;
  SweepId sweeps_ = 0;
  std::vector<AttemptId> running_;
  std::vector<Acknowledged> acknowledged_;
};

}  // namespace sparsweep
