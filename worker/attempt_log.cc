#include "worker/attempt_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace sparsweep {

namespace {

int OpenNameless(const std::string& folder) {
  const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  std::string name = folder + "/sparsweep-log-XXXXXX";  // where the file system has no O_TMPFILE
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

}  // namespace

AttemptLog::~AttemptLog() {
  if (fd_ >= 0) close(fd_);
}

void AttemptLog::Append(std::string_view text) {
  if (full_) return;
  if (fd_ < 0) fd_ = OpenNameless(folder_);
  if (fd_ < 0) return;  // no room for a log is no reason to lose a trial
  std::string last;
  if (size_ + static_cast<int64_t>(text.size()) > kLimit) {
    full_ = true;
    last = std::string(text.substr(0, static_cast<size_t>(kLimit - size_))) +
           "\n[the log is cut off here: it is longer than 8 MiB]\n";
    text = last;
  }
  const ssize_t written = pwrite(fd_, text.data(), text.size(), size_);
  if (written > 0) size_ += written;
}

std::string AttemptLog::Read(int64_t from, int64_t bytes) const {
  if (fd_ < 0 || from >= size_) return "";
  std::string out(static_cast<size_t>(std::min(bytes, size_ - from)), '\0');
  const ssize_t n = pread(fd_, out.data(), out.size(), from);
  out.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return out;
}

std::string AttemptLog::Tail(size_t limit) const {
  return ValidUtf8(Read(sent_, static_cast<int64_t>(limit)));
}

std::string AttemptLog::Whole() const { return Read(0, size_); }

std::string ValidUtf8(std::string text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  for (size_t i = 0; i < text.size();) {
    const unsigned char first = byte(i);
    const size_t length = first < 0x80                     ? 1
                          : first >= 0xc2 && first <= 0xdf ? 2
                          : first >= 0xe0 && first <= 0xef ? 3
                          : first >= 0xf0 && first <= 0xf4 ? 4
                                                           : 0;
    size_t good = length == 0 ? 0 : 1;
    while (good > 0 && good < length && i + good < text.size()) {
      unsigned char low = 0x80, high = 0xbf;
      if (good == 1 && first == 0xe0) low = 0xa0;
      if (good == 1 && first == 0xed) high = 0x9f;  // surrogates
      if (good == 1 && first == 0xf0) low = 0x90;
      if (good == 1 && first == 0xf4) high = 0x8f;
      if (byte(i + good) < low || byte(i + good) > high) break;
      ++good;
    }
    if (length > 0 && good == length) {
      i += length;
    } else if (good > 0 && i + good == text.size()) {
      text.resize(i);
    } else {
      text[i++] = '?';
    }
  }
  return text;
}

}  // namespace sparsweep
