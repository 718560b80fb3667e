#include "client/program_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>

extern char** environ;

namespace sparsweep {
namespace {

// The input as a file without a name: unlike a pipe it neither fills up nor breaks when the program
// does not read it.
int InputFile(const std::string& input) {
  const int file = memfd_create("input", MFD_CLOEXEC);
  if (file < 0) return -1;
  for (size_t written = 0; written < input.size();) {
    const ssize_t n = write(file, input.data() + written, input.size() - written);
    if (n <= 0) {
      close(file);
      return -1;
    }
    written += static_cast<size_t>(n);
  }
  lseek(file, 0, SEEK_SET);
  return file;
}

// Readable once the token says stop.
class StopSignal {
 public:
  explicit StopSignal(const std::stop_token& stop)
      : on_stop_(stop, [this] { eventfd_write(event_.number, 1); }) {}
  int event() const { return event_.number; }

 private:
  struct Event {
    const int number = eventfd(0, EFD_CLOEXEC);
    ~Event() { close(number); }
  };
  Event event_;
  std::stop_callback<std::function<void()>> on_stop_;  // is gone before the event
};

// Reads all that comes through `pipe`; what went wrong, if not everything came.
Status ReadAll(int pipe, const ProgramLimits& limits, std::string* out) {
  const auto end = std::chrono::steady_clock::now() + limits.time;
  const StopSignal stop(limits.stop);
  char bytes[65536];
  for (pollfd ready[] = {{pipe, POLLIN, 0}, {stop.event(), POLLIN, 0}};;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || poll(ready, 2, static_cast<int>(left.count())) <= 0) {
      return {StatusCode::kUnavailable,
              fmt::format("it did not answer within {} s", limits.time.count())};
    }
    if (ready[1].revents != 0) return {StatusCode::kUnavailable, "it was stopped"};
    const ssize_t n = read(pipe, bytes, sizeof bytes);
    if (n <= 0) return {};
    out->append(bytes, static_cast<size_t>(n));
    if (out->size() > limits.bytes) {
      return {StatusCode::kResourceExhausted,
              fmt::format("it answered with more than {} bytes", limits.bytes)};
    }
  }
}

}  // namespace

Result<ProgramOutput> RunProgram(const std::vector<std::string>& arguments,
                                 const std::string& input, const ProgramLimits& limits) {
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) return Status{StatusCode::kInternal, "no pipe"};
  const int in = InputFile(input);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  if (in >= 0) posix_spawn_file_actions_adddup2(&files, in, 0);
  posix_spawn_file_actions_adddup2(&files, pipes[1], 1);
  std::vector<std::string> words = arguments;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      in < 0 ? ENOMEM : posix_spawn(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (in >= 0) close(in);
  close(pipes[1]);
  ProgramOutput output;
  Status read;
  if (error == 0) {
    read = ReadAll(pipes[0], limits, &output.out);
    if (!read.ok()) kill(pid, SIGKILL);
  }
  close(pipes[0]);
  if (error != 0) {
    return Status{StatusCode::kNotFound, arguments[0] + ": " + std::strerror(error)};
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!read.ok()) return read;
  if (!WIFEXITED(status)) {
    return Status{StatusCode::kInternal,
                  fmt::format("it was ended by signal {}", WTERMSIG(status))};
  }
  output.code = WEXITSTATUS(status);
  return output;
}

}  // namespace sparsweep
