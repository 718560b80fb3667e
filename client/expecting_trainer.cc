#include "client/expecting_trainer.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "client/ask_trainer.h"

extern char** environ;

namespace sparsweep {

ExpectingTrainer::~ExpectingTrainer() { End(); }

// It leaves when nothing more is asked.
void ExpectingTrainer::End() {
  if (pipe_ != nullptr) fclose(pipe_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  pipe_ = nullptr;
  pid_ = 0;
}

Status ExpectingTrainer::Start() {
  if (Status there = CheckTrainer(program_); !there.ok()) return there;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return {StatusCode::kInternal, std::string("no socket: ") + std::strerror(errno)};
  }
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  std::string words[] = {program_, "expect", "--data", data_folder_};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  const int error = posix_spawn(&pid_, argv[0], &files, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    pid_ = 0;
    return {StatusCode::kNotFound, program_ + ": " + std::strerror(error)};
  }
  pipe_ = fdopen(ends[0], "r");
  return {};
}

Result<TrialResult> ExpectingTrainer::Expect(const TrialSpec& spec, const TrialResult& stored) {
  if (pid_ == 0) {
    if (Status started = Start(); !started.ok()) return started;
  }
  const Status gone(StatusCode::kUnavailable,
                    "the trainer ended without an answer; \"sparsweep doctor\" says more");
  const std::string question =
      R"({"trial":)" + TrialSpecToJson(spec) + R"(,"result":)" + TrialResultToJson(stored) + "}\n";
  for (size_t sent = 0; sent < question.size();) {
    const ssize_t n =
        send(fileno(pipe_), question.data() + sent, question.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) {
      End();
      return gone;
    }
    sent += static_cast<size_t>(n);
  }
  char* line = nullptr;
  size_t capacity = 0;
  const ssize_t size = getline(&line, &capacity, pipe_);
  const std::string answer(line == nullptr ? "" : line, size > 0 ? size : 0);
  free(line);
  if (size <= 0) {
    End();
    return gone;
  }
  Status refusal = RefusalIn(nlohmann::json::parse(answer, nullptr, false));
  if (!refusal.ok()) return refusal;
  return ParseTrialResult(answer);
}

}  // namespace sparsweep
