// Calls of the server that are repeated, with back-off, while it is away. The loop thread.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "core/result.h"

namespace sparsweep {

inline constexpr std::chrono::milliseconds kFirstBackoff{200};
inline constexpr std::chrono::milliseconds kLongestBackoff{5000};

using StatusCallback = std::function<void(Status)>;

// Calls until something comes of it but the server's absence; that is what `done` hears.
inline void Retry(boost::asio::io_context& io, std::function<void(StatusCallback)> call,
                  StatusCallback done, std::chrono::milliseconds wait = kFirstBackoff) {
  call([&io, call, done, wait](const Status& status) {
    const bool away = status.code() == StatusCode::kUnavailable ||
                      status.code() == StatusCode::kDeadlineExceeded ||
                      status.code() == StatusCode::kCancelled;
    if (!away) return done(status);
    auto timer = std::make_shared<boost::asio::steady_timer>(io, wait);
    timer->async_wait([&io, timer, call, done, wait](auto error) {
      if (!error) Retry(io, call, done, std::min(2 * wait, kLongestBackoff));
    });
  });
}

}  // namespace sparsweep
