#include "trainer/protocol.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/device.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr size_t kMaxLine = 16 << 20;
constexpr int64_t kPointsPerTrial = 200;
constexpr auto kStepInterval = std::chrono::milliseconds(200);

json Number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

// Members of an object without its braces.
std::string Members(const json& object) {
  std::string text = object.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

}  // namespace

Result<Command> ParseCommand(const std::string& line) {
  json message = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object() || !message.contains("type") || !message["type"].is_string()) {
    return InvalidArgument("a command is not a JSON object with a type");
  }
  auto text = [&](const char* name) {
    return message.contains(name) && message[name].is_string() ? message[name].get<std::string>()
                                                               : "";
  };
  const std::string type = text("type");
  if (type == "quit") return Command{Command::Kind::kQuit, "", ""};
  if (type == "cancel") return Command{Command::Kind::kCancel, text("attempt"), ""};
  if (type != "run") return InvalidArgument("unknown command \"" + type + "\"");
  if (text("attempt").empty() || !message.contains("trial")) {
    return InvalidArgument("a run needs attempt and trial");
  }
  return Command{Command::Kind::kRun, text("attempt"), message["trial"].dump()};
}

Result<std::optional<Command>> Channel::Next(bool wait) {
  for (;;) {
    size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      auto command = ParseCommand(line);
      if (!command.ok()) return command.status();
      return std::optional<Command>(*command);
    }
    if (closed_) return std::optional<Command>(Command{});
    if (buffer_.size() > kMaxLine) return InvalidArgument("a command is longer than 16 MiB");
    pollfd poll_fd{fd_, POLLIN, 0};
    int ready = poll(&poll_fd, 1, wait ? -1 : 0);
    if (ready == 0) return std::optional<Command>();
    if (ready < 0 && errno == EINTR) continue;
    char chunk[65536];
    ssize_t got = read(fd_, chunk, sizeof(chunk));
    if (got > 0) {
      buffer_.append(chunk, static_cast<size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      closed_ = true;
    }
  }
}

void Channel::Send(const std::string& line) {
  std::string bytes = line + "\n";
  for (size_t sent = 0; sent < bytes.size();) {
    ssize_t wrote = write(fd_, bytes.data() + sent, bytes.size() - sent);
    if (wrote > 0) {
      sent += static_cast<size_t>(wrote);
    } else if (errno == EAGAIN) {
      pollfd poll_fd{fd_, POLLOUT, 0};
      poll(&poll_fd, 1, -1);
    } else if (errno != EINTR) {
      closed_ = true;
      return;
    }
  }
}

void RunReporter::Send(const std::string& type, const std::string& fields, bool with_points) {
  std::string line = Members({{"type", type}, {"attempt", attempt_}});
  if (!fields.empty()) line += "," + fields;
  if (with_points) {
    json points = json::array();
    for (const MetricPoint& point : points_) {
      points.push_back({{"name", point.name},
                        {"step", point.step},
                        {"epoch", point.epoch},
                        {"value", Number(point.value)}});
    }
    points_.clear();
    line += ",\"points\":" + points.dump();
  }
  outlet_.Send("{" + line + "}");
}

void RunReporter::OnPhase(const std::string& phase, int64_t steps, int64_t epochs) {
  json fields = {{"phase", phase}};
  if (phase == "train") fields.update({{"steps", steps}, {"epochs", epochs}});
  std::fprintf(log_, "phase %s\n", phase.c_str());
  std::fflush(log_);
  Send("started", Members(fields), false);
}

void RunReporter::OnStep(const StepReport& r) {
  const int64_t every = std::max<int64_t>(1, (r.steps + kPointsPerTrial - 1) / kPointsPerTrial);
  if (r.step == 1 || r.step == r.steps || r.step % every == 0) {
    points_.push_back({"train/loss", r.step, r.epoch, r.loss});
    points_.push_back({"train/lr", r.step, r.epoch, r.learning_rate});
  }
  auto now = std::chrono::steady_clock::now();
  if (now - last_step_message_ < kStepInterval) return;
  last_step_message_ = now;
  Send("step",
       Members({{"step", r.step},
                {"steps", r.steps},
                {"epoch", r.epoch},
                {"loss", Number(r.loss)},
                {"lr", r.learning_rate}}),
       true);
}

void RunReporter::OnEvaluation(int64_t step, double epoch, const Metrics& metrics) {
  json values;
  std::string text;
  for (const auto& [name, value] : metrics) {
    values[name] = Number(value);
    points_.push_back({"dev/" + name, step, epoch, value});
    char number[64];
    std::snprintf(number, sizeof(number), " %s %.4f", name.c_str(), value);
    text += number;
  }
  std::fprintf(log_, "step %lld epoch %.2f:%s\n", static_cast<long long>(step), epoch,
               text.c_str());
  std::fflush(log_);
  Send("eval", Members({{"step", step}, {"epoch", epoch}, {"metrics", values}}), true);
}

void RunReporter::Finish(const std::variant<TrialResult, Failure>& outcome) {
  if (auto* failure = std::get_if<Failure>(&outcome)) return Fail(*failure);
  const auto& result = std::get<TrialResult>(outcome);
  std::fprintf(log_, "done: %s %.4f in %.2f s of training\n", result.metric.c_str(), result.value,
               result.train_seconds);
  std::fflush(log_);
  Send("done", "\"result\":" + TrialResultToJson(result), true);
}

void RunReporter::Fail(const Failure& failure) {
  std::fprintf(log_, "failed (%s): %s\n", FailureReasonName(failure.reason),
               failure.message.c_str());
  std::fflush(log_);
  Send("failed",
       Members({{"reason", FailureReasonName(failure.reason)}, {"message", failure.message}}),
       false);
}

std::string ReadyMessage(int threads) {
  json devices = json::array();
  for (const DeviceFacts& facts : Devices()) {
    json device = {{"kind", facts.kind},
                   {"name", facts.name},
                   {"bf16", facts.bf16},
                   {"memory_bytes", facts.memory_bytes}};
    if (facts.kind != "cpu") device["index"] = facts.index;
    devices.push_back(device);
  }
  return json({{"type", "ready"},
               {"protocol", 1},
               {"pid", getpid()},
               {"threads", threads},
               {"versions", Versions()},
               {"devices", devices}})
      .dump();
}

}  // namespace sparsweep
