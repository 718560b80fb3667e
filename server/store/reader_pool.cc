#include "server/store/reader_pool.h"

#include "server/store/file.h"
#include "server/store/user_query.h"

namespace sparsweep {

Result<std::unique_ptr<ReaderPool>> ReaderPool::Open(const std::string& path, int threads) {
  std::unique_ptr<ReaderPool> pool(new ReaderPool);
  pool->threads_.resize(2 * static_cast<size_t>(threads));
  for (Thread& thread : pool->threads_) {
    Result<std::unique_ptr<Database>> rows = OpenForReading(path);
    if (!rows.ok()) return rows.status();
    Result<std::unique_ptr<Database>> user = OpenForReading(path);
    if (!user.ok()) return user.status();
    thread.rows = *std::move(rows);
    thread.user = *std::move(user);
    RestrictToReading(*thread.user);
  }
  for (size_t i = 0; i < pool->threads_.size(); ++i) {
    Thread& thread = pool->threads_[i];
    Jobs& jobs = i % 2 == 0 ? pool->jobs_ : pool->queries_;
    thread.thread = std::thread([pool = pool.get(), &thread, &jobs] {
      pool->Work(jobs, {*thread.rows, *thread.user});
    });
  }
  return pool;
}

ReaderPool::~ReaderPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
    queries_.clear();
  }
  ready_.notify_all();
  for (Thread& thread : threads_) {
    if (thread.thread.joinable()) thread.thread.join();
  }
}

void ReaderPool::Submit(Job job) { Add(jobs_, std::move(job)); }
void ReaderPool::SubmitQuery(Job job) { Add(queries_, std::move(job)); }

void ReaderPool::Add(Jobs& jobs, Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs.push_back(std::move(job));
  }
  ready_.notify_all();
}

void ReaderPool::Work(Jobs& jobs, Connections connections) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return stopping_ || !jobs.empty(); });
      if (stopping_) return;
      job = std::move(jobs.front());
      jobs.pop_front();
    }
    job(connections);
  }
}

}  // namespace sparsweep
