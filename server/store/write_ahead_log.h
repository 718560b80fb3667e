// The write-ahead log: how long it is, and bringing it back into the file beside the writer.
//
// SQLite's own checkpoints run inside a commit and would hold the loop for as long as 16 MiB take to
// reach the disk. Here a thread with a connection of its own does nearly all of it, and the writer the
// little that was committed meanwhile, so that its next commit starts the log over. What a reader
// still needs cannot be brought back: the log grows until it ends (user_query.h sees to that).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "server/store/sqlite.h"

namespace sparsweep {

class WriteAheadLog {
 public:
  // Replaces the checkpoints of `writer`, which must outlive this. Throws SqliteError.
  explicit WriteAheadLog(Database& writer);
  ~WriteAheadLog();

  // Writer's thread, between transactions: the last step, if it is due.
  void FinishIfDue();

  // Any thread. Bytes of the log in use; its file is as long as it ever was.
  int64_t bytes() const { return frames_ * kFrameBytes; }
  // Whether a reader may start now without keeping a long log from starting over: waits for that.
  bool WaitUntilShort(std::chrono::milliseconds limit);

 private:
  static constexpr int64_t kFrameBytes = 4096 + 24;

  static int Committed(void* log, sqlite3* db, const char* name, int frames);
  void Work();
  void Pass(Database& db);  // what can be brought back now

  Database& writer_;
  std::unique_ptr<Database> db_;  // of the thread

  std::mutex passing_;  // one pass at a time
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int64_t> frames_{0};     // written by mutex_
  int64_t done_ = 0;                   // by mutex_: of these, those that are in the file
  int64_t next_ = 0;                   // by mutex_: no pass before the log has so many frames
  std::atomic<bool> nearly_{false};    // the rest is the writer's
  bool stopping_ = false;              // by mutex_

  std::thread thread_;
};

}  // namespace sparsweep
