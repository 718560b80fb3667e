// Reads, off the loop and off the gRPC threads: a few threads with a read-only connection each.
//
// A read is one short transaction: fetch, then build the answer elsewhere or from what was fetched.
// (A reader that stays open lets the write-ahead log grow.) Submit from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "server/store/sqlite.h"

namespace sparsweep {

class ReaderPool {
 public:
  // Each thread's connections: `rows` for our own reads, `user` for SQL of strangers.
  struct Connections {
    Database& rows;
    Database& user;
  };
  using Job = std::function<void(Connections&)>;

  // `threads` for our own reads, and as many for SQL of strangers.
  static Result<std::unique_ptr<ReaderPool>> Open(const std::string& path, int threads);
  ~ReaderPool();  // waits for the jobs that run; drops those that wait, with their replies unsaid

  // `job` runs without a transaction and must not throw.
  void Submit(Job job);
  // The same on threads kept for SQL of strangers, which may take seconds.
  void SubmitQuery(Job job);

  // Runs `read` in a read transaction and gives its outcome to `reply`, on the pool's thread. `read`
  // returns a Result<T> and may let the SqliteError of a read through: it is caught here.
  template <typename T>
  void Read(std::function<Result<T>(Database&)> read, std::function<void(Result<T>)> reply) {
    Submit([read = std::move(read), reply = std::move(reply)](Connections& connections) {
      reply(ReadNow<T>(connections.rows, read));
    });
  }
  template <typename T>
  static Result<T> ReadNow(Database& db, const std::function<Result<T>(Database&)>& read) {
    try {
      const Transaction transaction(db, Transaction::Kind::kRead);
      return read(db);
    } catch (const SqliteError& error) {
      return error.ToStatus();
    }
  }

 private:
  ReaderPool() = default;
  struct Thread {
    std::unique_ptr<Database> rows;
    std::unique_ptr<Database> user;
    std::thread thread;
  };
  using Jobs = std::deque<Job>;
  void Add(Jobs& jobs, Job job);
  void Work(Jobs& jobs, Connections connections);

  std::mutex mutex_;
  std::condition_variable ready_;
  Jobs jobs_, queries_;    // by mutex_
  bool stopping_ = false;  // by mutex_
  std::vector<Thread> threads_;
};

}  // namespace sparsweep
