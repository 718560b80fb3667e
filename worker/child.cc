#include "worker/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

extern char** environ;

namespace sparsweep {
namespace {

namespace asio = boost::asio;

constexpr size_t kChunk = 64 << 10;

// glibc 2.36 knows waitid(P_PIDFD) but hides rusage, which the system call gives.
int WaitPidfd(int pidfd, siginfo_t* what, rusage* usage) {
  return static_cast<int>(syscall(SYS_waitid, P_PIDFD, pidfd, what, WEXITED | WNOHANG, usage));
}

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  int Release() { return std::exchange(fd, -1); }
};

Status SystemError(const std::string& what, int error) {
  return {StatusCode::kUnavailable, what + ": " + std::strerror(error)};
}

}  // namespace

Result<std::unique_ptr<Child>> Child::Start(asio::io_context& io,
                                            const std::vector<std::string>& arguments,
                                            size_t max_line, ChildEvents events) {
  int sockets[2], pipes[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return SystemError("cannot make a socket for the trainer", errno);
  }
  Descriptor ours{sockets[0]}, theirs{sockets[1]};
  if (pipe2(pipes, O_CLOEXEC) != 0) return SystemError("cannot make a pipe for the log", errno);
  Descriptor log_read{pipes[0]}, log_write{pipes[1]};

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, log_write.fd, 1);
  posix_spawn_file_actions_adddup2(&files, log_write.fd, 2);
  posix_spawn_file_actions_adddup2(&files, theirs.fd, 3);
  posix_spawn_file_actions_addclosefrom_np(&files, 4);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> words = arguments;
  words.insert(words.end(), {"--protocol-fd", "3"});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return SystemError("cannot start " + arguments[0], error);

  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const int why = errno;
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return SystemError("cannot watch the trainer (Linux 5.4 or newer is needed)", why);
  }
  return std::unique_ptr<Child>(
      new Child(io, max_line, std::move(events), pid, pidfd, ours.Release(), log_read.Release()));
}

Child::Child(asio::io_context& io, size_t max_line, ChildEvents events, int pid, int pidfd,
             int protocol, int log)
    : max_line_(max_line),
      events_(std::move(events)),
      pid_(pid),
      pidfd_(io, pidfd),
      protocol_(io, asio::local::stream_protocol(), protocol),
      log_(io, log),
      chunk_(kChunk),
      self_(std::make_shared<Child*>(this)) {
  protocol_.native_non_blocking(true);
  log_.native_non_blocking(true);
  ReadProtocol();
  ReadLog();
  WaitExit();
}

Child::~Child() {
  self_.reset();
  if (reaped_) return;
  kill(-pid_, SIGKILL);
  siginfo_t what;
  while (waitid(P_PID, pid_, &what, WEXITED) != 0 && errno == EINTR) {
  }
}

// Waits, and reads in the handler: a read that the reactor had done already, its handler still
// queued, would be overtaken by what Reap reads, or lost.
void Child::ReadProtocol() {
  protocol_.async_wait(
      asio::local::stream_protocol::socket::wait_read,
      [this, weak = std::weak_ptr<Child*>(self_)](boost::system::error_code error) {
        if (weak.expired() || error) return;
        const ssize_t n =
            recv(protocol_.native_handle(), chunk_.data(), chunk_.size(), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
          return;  // the exit says the rest
        if (n > 0) TakeLines({chunk_.data(), static_cast<size_t>(n)});
        if (!weak.expired()) ReadProtocol();
      });
}

void Child::TakeLines(std::string_view bytes) {
  const std::weak_ptr<Child*> weak = self_;
  while (!bytes.empty() && !broken_) {
    const size_t end = bytes.find('\n');
    protocol_buffer_.append(bytes.substr(0, end));
    if (protocol_buffer_.size() > max_line_) {
      broken_ = true;
      events_.on_broken("the trainer sent a line above " + std::to_string(max_line_) + " bytes");
      return;
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(protocol_buffer_, {});
    if (!line.empty()) events_.on_line(line);
    if (weak.expired()) return;
  }
}

void Child::ReadLog() {
  log_.async_wait(asio::posix::stream_descriptor::wait_read,
                  [this, weak = std::weak_ptr<Child*>(self_)](boost::system::error_code error) {
                    if (weak.expired() || error) return;
                    const ssize_t n = read(log_.native_handle(), chunk_.data(), chunk_.size());
                    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return;
                    if (n > 0) events_.on_log({chunk_.data(), static_cast<size_t>(n)});
                    if (!weak.expired()) ReadLog();
                  });
}

void Child::DrainLog() {
  char bytes[4096];
  // Bounded: a child that writes without end must not hold the loop.
  for (int i = 0; i < 256; ++i) {
    const ssize_t n = read(log_.native_handle(), bytes, sizeof bytes);
    if (n <= 0) return;
    events_.on_log({bytes, static_cast<size_t>(n)});
  }
}

void Child::WaitExit() {
  pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [this, weak = std::weak_ptr<Child*>(self_)](boost::system::error_code error) {
                      if (!weak.expired() && !error) Reap();
                    });
}

void Child::Reap() {
  siginfo_t what{};
  rusage usage{};
  if (WaitPidfd(pidfd_.native_handle(), &what, &usage) != 0 || what.si_pid == 0) {
    WaitExit();
    return;
  }
  reaped_ = true;
  kill(-pid_, SIGKILL);  // what it may have started in its group
  // What it wrote before it ended is still in the socket and the pipe.
  const std::weak_ptr<Child*> weak = self_;
  char bytes[4096];
  for (ssize_t n; !weak.expired() && !broken_;) {
    n = recv(protocol_.native_handle(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (n <= 0) break;
    TakeLines({bytes, static_cast<size_t>(n)});
  }
  if (weak.expired()) return;
  DrainLog();
  ChildExit exit;
  exit.signalled = what.si_code != CLD_EXITED;
  exit.code = what.si_status;
  exit.peak_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  const auto on_exit = events_.on_exit;  // the owner may destroy us inside
  on_exit(exit);
}

void Child::Send(std::string line) {
  if (!protocol_.is_open()) return;
  to_send_.push_back(std::move(line));
  if (to_send_.size() == 1) Write();
}

void Child::Write() {
  asio::async_write(
      protocol_, asio::buffer(to_send_.front()),
      [this, weak = std::weak_ptr<Child*>(self_)](boost::system::error_code error, size_t) {
        if (weak.expired()) return;
        to_send_.pop_front();
        if (error) {
          to_send_.clear();
        } else if (!to_send_.empty()) {
          Write();
        }
      });
}

void Child::Signal(int number) {
  if (!reaped_) kill(-pid_, number);
}

void Child::Close() {
  if (protocol_.is_open()) shutdown(protocol_.native_handle(), SHUT_WR);
}

}  // namespace sparsweep
