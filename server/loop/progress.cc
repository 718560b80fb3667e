#include "server/loop/progress.h"

namespace sparsweep {
namespace {

template <typename Map, typename Key>
auto Find(std::mutex& mutex, const Map& map, const Key& key)
    -> std::optional<typename Map::mapped_type> {
  const std::lock_guard lock(mutex);
  const auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

void Progress::SetSteps(const AttemptId& attempt, Steps steps) {
  const std::lock_guard lock(mutex_);
  steps_[attempt] = steps;
}
std::optional<Progress::Steps> Progress::StepsOf(const AttemptId& attempt) const {
  return Find(mutex_, steps_, attempt);
}

void Progress::AppendLog(const AttemptId& attempt, int64_t offset, const std::string& text) {
  const std::lock_guard lock(mutex_);
  LogTail& tail = logs_[attempt];
  const int64_t end = tail.start + static_cast<int64_t>(tail.text.size());
  if (offset > end || tail.text.empty()) {
    tail = {offset, text};
  } else if (offset + static_cast<int64_t>(text.size()) > end) {
    tail.text.append(text, end - offset, std::string::npos);
  }
  if (tail.text.size() > kMaxLogTail) {
    // Cut at a character: the tail is shown as text.
    size_t cut = tail.text.size() - kMaxLogTail;
    while (cut < tail.text.size() && (tail.text[cut] & 0xc0) == 0x80) ++cut;
    tail.text.erase(0, cut);
    tail.start += static_cast<int64_t>(cut);
  }
}
std::optional<Progress::LogTail> Progress::LogOf(const AttemptId& attempt) const {
  return Find(mutex_, logs_, attempt);
}

void Progress::Forget(const AttemptId& attempt, bool keep_log) {
  const std::lock_guard lock(mutex_);
  steps_.erase(attempt);
  if (!keep_log) logs_.erase(attempt);
  // Tails of attempts that ended without a log are kept while there are few of them.
  if (logs_.size() > kMaxOrphanedLogs && steps_.size() < logs_.size()) {
    for (auto log = logs_.begin(); log != logs_.end(); ++log) {
      if (!steps_.contains(log->first)) {
        logs_.erase(log);
        break;
      }
    }
  }
}

void Progress::SetSeen(const std::string& worker, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  seen_[worker] = now_ms;
}
std::optional<int64_t> Progress::SeenOf(const std::string& worker) const {
  return Find(mutex_, seen_, worker);
}

void Progress::SetCoverage(SweepId sweep, const Coverage& coverage) {
  const std::lock_guard lock(mutex_);
  coverage_[sweep] = coverage;
}
std::optional<Coverage> Progress::CoverageOf(SweepId sweep) const {
  return Find(mutex_, coverage_, sweep);
}
void Progress::ForgetCoverage() {
  const std::lock_guard lock(mutex_);
  coverage_.clear();
}

}  // namespace sparsweep
