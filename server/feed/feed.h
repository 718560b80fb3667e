// Who is told what changed: committed events and progress hints, to any number of subscribers.
//
// Not here: replay of old events (server/api/watch.cc) and anything durable. The loop publishes;
// subscribers pull from any thread. A subscriber that does not keep up loses its queue and finds a
// `reset` row instead, so that nobody slows the loop down.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/store/writer.h"

namespace sparsweep {

class FeedQueue {
 public:
  explicit FeedQueue(SweepId sweep) : sweep_(sweep) {}

  using Rows = std::vector<EventRow>;
  // All that is queued, as soon as there is something; empty when the feed is closed. `reply` may
  // run before Take returns. One call at a time.
  void Take(std::function<void(Rows)> reply);
  // A Take that waits is never answered.
  void Drop();

 private:
  friend class Feed;
  void Push(const Rows& rows);
  void Close();

  static constexpr size_t kMaxQueued = 10'000;
  const SweepId sweep_;  // 0: everything

  std::mutex mutex_;
  std::deque<EventRow> rows_;          // by mutex_
  std::function<void(Rows)> waiting_;  // by mutex_
  bool closed_ = false;                // by mutex_
};

class Feed {
 public:
  // Sees everything that is published after the call.
  std::shared_ptr<FeedQueue> Subscribe(SweepId sweep);
  void Publish(const std::vector<EventRow>& rows);
  // Ends every subscription, present and future.
  void Close();

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<FeedQueue>> queues_;  // by mutex_
  bool closed_ = false;                           // by mutex_
};

}  // namespace sparsweep
