#include "server/store/write_ahead_log.h"

#include <algorithm>

namespace sparsweep {
namespace {

// In frames of 4 KiB. Pages that every commit touches go back once in 16 MiB of log.
constexpr int64_t kFirstPass = 4096;
constexpr int64_t kStep = 512;        // between passes that a reader keeps short
constexpr int64_t kRest = 256;        // the writer does so many itself
constexpr int64_t kShort = 5120;      // 20 MiB
constexpr int64_t kLong = 10'240;     // 40 MiB: the writer does it, however long it takes
constexpr std::chrono::milliseconds kAskAgain{50};

}  // namespace

WriteAheadLog::WriteAheadLog(Database& writer)
    : writer_(writer),
      db_(std::make_unique<Database>(writer.path(), Database::Mode::kReadWrite)) {
  db_->Execute("PRAGMA synchronous = FULL");
  int persist = 1;
  sqlite3_file_control(db_->handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  sqlite3_wal_hook(writer.handle(), Committed, this);
  thread_ = std::thread([this] { Work(); });
}

WriteAheadLog::~WriteAheadLog() {
  sqlite3_wal_hook(writer_.handle(), nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

int WriteAheadLog::Committed(void* self, sqlite3*, const char*, int frames) {
  auto& log = *static_cast<WriteAheadLog*>(self);
  bool started_over = false, pass_due = false;
  {
    const std::lock_guard lock(log.mutex_);
    started_over = frames < log.frames_;
    log.frames_ = frames;
    if (started_over) log.done_ = log.next_ = 0;
    pass_due = frames >= std::max(kFirstPass, log.next_) && !log.nearly_;
  }
  if (started_over || pass_due) log.changed_.notify_all();
  return SQLITE_OK;
}

void WriteAheadLog::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] {
      return stopping_ || (!nearly_ && frames_ >= std::max(kFirstPass, next_));
    });
    if (stopping_) return;
    lock.unlock();
    Pass(*db_);
    lock.lock();
    nearly_ = frames_ - done_ <= kRest;
  }
}

void WriteAheadLog::Pass(Database& db) {
  const std::lock_guard pass(passing_);
  int frames = 0, done = 0;
  const int code = sqlite3_wal_checkpoint_v2(db.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &frames, &done);
  {
    const std::lock_guard lock(mutex_);
    // Failed, or kept from the end by a reader: again when there is more. (That a disk is full the
    // writer finds out by itself.)
    const bool kept = code != SQLITE_OK || done < frames;
    if (code == SQLITE_OK && done <= frames_) done_ = done;
    next_ = kept ? frames_ + kStep : 0;
  }
  changed_.notify_all();
}

void WriteAheadLog::FinishIfDue() {
  const bool long_enough = frames_ >= kLong && [&] {
    const std::lock_guard lock(mutex_);
    return frames_ >= next_;
  }();
  if (!nearly_ && !long_enough) return;
  Pass(writer_);
  {
    const std::lock_guard lock(mutex_);
    // If a reader keeps the log, it cannot start over yet.
    next_ = frames_ + kStep;
  }
  nearly_ = false;
}

bool WriteAheadLog::WaitUntilShort(std::chrono::milliseconds limit) {
  const auto is_short = [&] { return frames_ <= kShort || done_ == frames_; };
  const auto end = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  while (!is_short()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return false;
    // The reader that kept the last pass short may be gone, and the writer may have nothing to
    // commit that would lead to the next.
    next_ = 0;
    nearly_ = false;
    changed_.notify_all();
    changed_.wait_until(lock, std::min(end, now + kAskAgain), is_short);
  }
  return true;
}

}  // namespace sparsweep
