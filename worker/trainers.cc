#include "worker/trainers.h"

#include <signal.h>

#include <boost/asio/post.hpp>
#include <filesystem>

#include "worker/devices.h"

namespace sparsweep {
namespace {

constexpr size_t kLastWords = 2048;

std::string TemporaryFolder() {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : folder.string();
}

// The last two lines that are not empty, without what a terminal could take amiss: many programs
// end with a line that only points to the one before.
std::string LastLines(const std::string& text) {
  std::string out;
  size_t end = text.size();
  for (int lines = 0; lines < 2;) {
    end = text.find_last_not_of(" \r\n\t", end == 0 ? 0 : end - 1);
    if (end == std::string::npos) break;
    const size_t before = text.find_last_of('\n', end);
    const size_t start = before == std::string::npos ? 0 : before + 1;
    const std::string line = text.substr(start, end + 1 - start);
    out = out.empty() ? line : line + " / " + out;
    ++lines;
    if (before == std::string::npos || before == 0) break;
    end = before;
  }
  if (out.size() > 300) out.resize(300);
  out = ValidUtf8(out);
  std::erase_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return out;
}

}  // namespace

Trainers::Trainers(boost::asio::io_context& io, int slots, std::vector<std::string> command,
                   Events events)
    : io_(io),
      command_(std::move(command)),
      events_(std::move(events)),
      log_folder_(TemporaryFolder()),
      slots_(static_cast<size_t>(slots)) {}

void Trainers::Start(int index, AttemptKey attempt) {
  Slot& slot = slots_[index];
  slot.log = attempt;
  slot.last_words.clear();
  slot.oom_kills = OomKills();
  ChildEvents events;
  events.on_line = [this, index](std::string_view line) { OnLine(index, line); };
  events.on_log = [this, index](std::string_view text) { OnLog(index, text); };
  events.on_exit = [this, index](const ChildExit& exit) { OnExit(index, exit); };
  events.on_broken = [this, index](const std::string& sentence) {
    events_.on_garbage(index, sentence);
  };
  Result<std::unique_ptr<Child>> child =
      Child::Start(io_, command_, kMaxTrainerLine, std::move(events));
  if (child.ok()) {
    slot.child = std::move(child).value();
    return;
  }
  boost::asio::post(io_, [this, index, message = child.status().message()] {
    events_.on_exit(index, {false, 127, false, message});
  });
}

void Trainers::Run(int slot, AttemptKey attempt, const std::string& trial_json,
                   const std::string& heading) {
  slots_[slot].log = attempt;
  LogOf(attempt).Append(heading + "\n");
  slots_[slot].child->Send(RunLine(attempt, trial_json));
}

void Trainers::Cancel(int slot, AttemptKey attempt) {
  slots_[slot].child->Send(CancelLine(attempt));
}

void Trainers::Kill(int slot) {
  if (slots_[slot].child) slots_[slot].child->Signal(SIGKILL);
}

AttemptLog& Trainers::LogOf(AttemptKey attempt) {
  auto& log = logs_[attempt];
  if (!log) log = std::make_unique<AttemptLog>(log_folder_);
  return *log;
}

AttemptLog* Trainers::FindLog(AttemptKey attempt) {
  const auto found = logs_.find(attempt);
  return found == logs_.end() ? nullptr : found->second.get();
}

std::string Trainers::TakeLog(AttemptKey attempt) {
  for (Slot& slot : slots_) {
    if (slot.log != attempt) continue;
    if (slot.child) slot.child->DrainLog();
    slot.log.reset();  // what follows is not this attempt's
  }
  const AttemptLog* log = FindLog(attempt);
  std::string text = log != nullptr ? log->Whole() : "";
  logs_.erase(attempt);
  return text;
}

void Trainers::OnLine(int slot, std::string_view line) {
  const Result<TrainerMessage> message = ParseTrainerMessage(line);
  if (message.ok()) {
    events_.on_message(slot, *message);
  } else {
    events_.on_garbage(slot, message.status().message());
  }
}

void Trainers::OnLog(int index, std::string_view text) {
  Slot& slot = slots_[index];
  slot.last_words.append(text);
  if (slot.last_words.size() > kLastWords) {
    slot.last_words.erase(0, slot.last_words.size() - kLastWords);
  }
  if (slot.log) LogOf(*slot.log).Append(text);
}

void Trainers::OnExit(int index, const ChildExit& exit) {
  Slot& slot = slots_[index];
  const std::unique_ptr<Child> gone = std::move(slot.child);  // until the next may have started
  events_.on_exit(
      index, {exit.signalled, exit.code, OomKills() > slot.oom_kills, LastLines(slot.last_words)});
}

}  // namespace sparsweep
