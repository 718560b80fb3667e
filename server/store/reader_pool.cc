#include "server/store/reader_pool.h"

#include "server/store/file.h"
#include "server/store/user_query.h"

namespace sparsweep {

Result<std::unique_ptr<ReaderPool>> ReaderPool::Open(const std::string& path, int threads) {
  std::unique_ptr<ReaderPool> pool(new ReaderPool);
  pool->threads_.resize(threads);
  for (Thread& thread : pool->threads_) {
    Result<std::unique_ptr<Database>> rows = OpenForReading(path);
    if (!rows.ok()) return rows.status();
    Result<std::unique_ptr<Database>> user = OpenForReading(path);
    if (!user.ok()) return user.status();
    thread.rows = *std::move(rows);
    thread.user = *std::move(user);
    RestrictToReading(*thread.user);
  }
  for (Thread& thread : pool->threads_) {
    thread.thread = std::thread(
        [pool = pool.get(), &thread] { pool->Work({*thread.rows, *thread.user}); });
  }
  return pool;
}

ReaderPool::~ReaderPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  ready_.notify_all();
  for (Thread& thread : threads_) {
    if (thread.thread.joinable()) thread.thread.join();
  }
}

void ReaderPool::Submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.push_back(std::move(job));
  }
  ready_.notify_one();
}

void ReaderPool::Work(Connections connections) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job(connections);
  }
}

}  // namespace sparsweep
