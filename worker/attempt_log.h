// The log of one attempt: a bounded file without a name (gone with the process, however it ends),
// its unsent tail, and at the end its digest.
//
// Not thread-safe; used on the worker's loop thread. Text that the trainer wrote is bytes: what is
// sent live is made valid UTF-8 without changing its length, the file keeps what was written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sparsweep {

class AttemptLog {
 public:
  static constexpr int64_t kLimit = 8 << 20;

  // `folder` must be on a disk with room for it: the temporary folder.
  explicit AttemptLog(const std::string& folder) : folder_(folder) {}
  ~AttemptLog();
  AttemptLog(const AttemptLog&) = delete;
  AttemptLog& operator=(const AttemptLog&) = delete;

  // Beyond kLimit one line says that the rest is missing.
  void Append(std::string_view text);

  // Text from `offset()` on, at most `limit` bytes, valid UTF-8; Sent moves on.
  std::string Tail(size_t limit) const;
  int64_t offset() const { return sent_; }
  void Sent(size_t bytes) { sent_ += static_cast<int64_t>(bytes); }

  std::string Whole() const;

 private:
  std::string Read(int64_t from, int64_t bytes) const;

  std::string folder_;
  int fd_ = -1;
  int64_t size_ = 0;
  int64_t sent_ = 0;
  bool full_ = false;
};

// Replaces every byte that is not part of a valid UTF-8 sequence by '?'. An incomplete sequence at
// the end is cut off: the rest of it comes later.
std::string ValidUtf8(std::string text);

}  // namespace sparsweep
