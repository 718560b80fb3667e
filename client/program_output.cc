#include "client/program_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

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

}  // namespace

Result<ProgramOutput> RunProgram(const std::vector<std::string>& arguments,
                                 const std::string& input) {
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
  bool late = false;
  if (error == 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    char bytes[4096];
    for (pollfd ready{pipes[0], POLLIN, 0};;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) {
        kill(pid, SIGKILL);
        late = true;
        break;
      }
      const ssize_t n = read(pipes[0], bytes, sizeof bytes);
      if (n <= 0) break;
      output.out.append(bytes, static_cast<size_t>(n));
    }
  }
  close(pipes[0]);
  if (error != 0) {
    return Status{StatusCode::kNotFound, arguments[0] + ": " + std::strerror(error)};
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (late) return Status{StatusCode::kUnavailable, "it did not answer within a minute"};
  if (!WIFEXITED(status)) {
    return Status{StatusCode::kInternal,
                  fmt::format("it was ended by signal {}", WTERMSIG(status))};
  }
  output.code = WEXITSTATUS(status);
  return output;
}

}  // namespace sparsweep
