// How a coroutine of the HTTP thread waits for a reply that another thread makes.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace sparsweep {

namespace net = boost::asio;

// The way of other threads into the io_context. Closed before that is destroyed: a reply that comes
// later is dropped.
class Mailbox {
 public:
  explicit Mailbox(net::io_context& context) : context_(&context) {}
  template <typename Work>
  void Post(Work work) {
    std::lock_guard lock(mutex_);
    if (context_ != nullptr) net::post(*context_, std::move(work));
  }
  void Close() {
    std::lock_guard lock(mutex_);
    context_ = nullptr;
  }

 private:
  std::mutex mutex_;
  net::io_context* context_;  // protected by mutex_
};

// A value that another thread will bring. Touched on the HTTP thread only; replies hold it weakly.
template <typename T>
struct Pending {
  explicit Pending(net::any_io_executor executor) : timer(executor) {}
  net::steady_timer timer;
  std::optional<T> value;
};

template <typename T>
std::function<void(T)> Delivery(std::shared_ptr<Mailbox> mailbox,
                                const std::shared_ptr<Pending<T>>& pending) {
  return [mailbox = std::move(mailbox), weak = std::weak_ptr(pending)](T value) {
    mailbox->Post([weak, value = std::move(value)]() mutable {
      if (auto pending = weak.lock()) {
        pending->value = std::move(value);
        pending->timer.cancel();
      }
    });
  };
}

// Until the value is there or `patience` is over.
template <typename T>
net::awaitable<void> Wait(Pending<T>& pending, net::steady_timer::duration patience) {
  if (pending.value) co_return;
  pending.timer.expires_after(patience);
  boost::system::error_code ignored;
  co_await pending.timer.async_wait(net::redirect_error(net::use_awaitable, ignored));
}

// Calls `start(deliver)` and waits for what is delivered.
template <typename T, typename Start>
net::awaitable<T> Await(std::shared_ptr<Mailbox> mailbox, Start start) {
  auto pending = std::make_shared<Pending<T>>(co_await net::this_coro::executor);
  start(Delivery<T>(std::move(mailbox), pending));
  while (!pending->value) co_await Wait(*pending, std::chrono::hours(1));
  co_return std::move(*pending->value);
}

}  // namespace sparsweep
