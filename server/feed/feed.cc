#include "server/feed/feed.h"

#include <utility>

namespace sparsweep {

void FeedQueue::Take(std::function<void(Rows)> reply) {
  Rows rows;
  {
    const std::lock_guard lock(mutex_);
    if (rows_.empty() && !closed_) {
      waiting_ = std::move(reply);
      return;
    }
    rows.assign(std::make_move_iterator(rows_.begin()), std::make_move_iterator(rows_.end()));
    rows_.clear();
  }
  reply(std::move(rows));
}

void FeedQueue::Drop() {
  std::function<void(Rows)> waiting;  // destroyed outside the lock: it may own us
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    rows_.clear();
    waiting.swap(waiting_);
  }
}

void FeedQueue::Push(const Rows& rows) {
  std::function<void(Rows)> waiting;
  Rows taken;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    for (const EventRow& row : rows) {
      if (sweep_ == 0 || row.sweep == sweep_) rows_.push_back(row);
    }
    if (rows_.empty()) return;
    if (rows_.size() > kMaxQueued) {
      EventRow reset;
      reset.id = rows_.back().id;
      reset.type = "reset";
      rows_.clear();
      rows_.push_back(std::move(reset));
    }
    if (!waiting_) return;
    waiting.swap(waiting_);
    taken.assign(std::make_move_iterator(rows_.begin()), std::make_move_iterator(rows_.end()));
    rows_.clear();
  }
  waiting(std::move(taken));
}

void FeedQueue::Close() {
  std::function<void(Rows)> waiting;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting.swap(waiting_);
  }
  if (waiting) waiting({});
}

std::shared_ptr<FeedQueue> Feed::Subscribe(SweepId sweep) {
  auto queue = std::make_shared<FeedQueue>(sweep);
  const std::lock_guard lock(mutex_);
  if (closed_) queue->Close();
  std::erase_if(queues_, [](const auto& weak) { return weak.expired(); });
  queues_.push_back(queue);
  return queue;
}

void Feed::Publish(const std::vector<EventRow>& rows) {
  if (rows.empty()) return;
  std::vector<std::shared_ptr<FeedQueue>> queues;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& weak : queues_) {
      if (auto queue = weak.lock()) queues.push_back(std::move(queue));
    }
  }
  for (const auto& queue : queues) queue->Push(rows);
}

void Feed::Close() {
  std::vector<std::shared_ptr<FeedQueue>> queues;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& weak : queues_) {
      if (auto queue = weak.lock()) queues.push_back(std::move(queue));
    }
  }
  for (const auto& queue : queues) queue->Close();
}

}  // namespace sparsweep
