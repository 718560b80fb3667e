#include "worker/agent.h"

#include <algorithm>
#include <csignal>
#include <cstring>

namespace sparsweep {
namespace {

// Files that a result names, by the names they have in the attempt's folder.
std::map<std::string, std::string> FilesOf(const std::string& result_json) {
  if (result_json.find("\"checkpoint\"") == std::string::npos) return {};  // nearly all
  const Result<TrialResult> result = ParseTrialResult(result_json);
  if (!result.ok() || !result->checkpoint) return {};
  return result->checkpoint->files;
}

std::string DescribeExit(const TrainerExit& exit) {
  std::string text = exit.signalled
                         ? std::string("the trainer was ended by signal ") +
                               std::to_string(exit.code) + " (" + strsignal(exit.code) + ")"
                         : "the trainer exited with code " + std::to_string(exit.code);
  if (!exit.last_words.empty()) text += ": " + exit.last_words;
  return text;
}

// Exit code 3 is the trainer's own word for it; 137 is a shell's for SIGKILL.
FailureReason JudgeExit(const TrainerExit& exit) {
  const bool killed = exit.signalled ? exit.code == SIGKILL : exit.code == 128 + SIGKILL;
  if (killed && exit.out_of_memory) return FailureReason::kOutOfMemory;
  if (!exit.signalled && exit.code == 3) return FailureReason::kOutOfMemory;
  return FailureReason::kCrashed;
}

}  // namespace

Agent::Agent(AgentOptions options, Instant now)
    : options_(options), slots_(options.slots), last_contact_(now) {}

bool Agent::Knows(AttemptKey attempt) const {
  if (unstored_.count(attempt) || ended_.count(attempt)) return true;
  for (const Slot& slot : slots_) {
    if (slot.attempt == attempt) return true;
  }
  return std::any_of(backlog_.begin(), backlog_.end(),
                     [&](const AssignedAttempt& a) { return a.attempt == attempt; });
}

std::vector<Action> Agent::Apply(const ServerAnswer& answer, Instant now) {
  std::vector<Action> out;
  last_contact_ = now;
  for (AttemptKey attempt : answer.acknowledged) ended_.erase(attempt);
  if (answer.drain && !draining_) StartDraining(options_.drain_grace, now, &out);
  if (!answer.drain && draining_ && !leaving_) {
    draining_ = false;
    drain_deadline_ = Instant::max();
    out.emplace_back(SyncNow{});
  }

  std::set<AttemptKey> wanted;
  for (const AssignedAttempt& assigned : answer.run) wanted.insert(assigned.attempt);
  std::erase_if(backlog_, [&](const AssignedAttempt& a) { return !wanted.count(a.attempt); });
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].attempt && !wanted.count(*slots_[i].attempt)) {
      StopSlot(static_cast<int>(i), Stop::kUnwanted, now, &out);
    }
  }
  for (const AssignedAttempt& assigned : answer.run) {
    // Without its specification it is one that an earlier answer of ours still carries.
    if (Knows(assigned.attempt) || assigned.trial_json.empty()) continue;
    if (draining_) {
      GiveBack(assigned.attempt, &out);
    } else {
      backlog_.push_back(assigned);
    }
  }
  Fill(now, &out);
  return out;
}

std::vector<Action> Agent::Apply(int index, const TrainerMessage& message, Instant now) {
  std::vector<Action> out;
  Slot& slot = slots_[index];
  if (const auto* ready = std::get_if<TrainerReady>(&message)) {
    if (slot.phase != Phase::kStarting) return Garbage(index, "it said ready twice", now);
    if (ready->protocol != kTrainerProtocol) {
      return Garbage(index,
                     "the trainer speaks protocol " + std::to_string(ready->protocol) +
                         ", this worker " + std::to_string(kTrainerProtocol) +
                         ": install both from one build",
                     now);
    }
    slot.phase = Phase::kIdle;
    slot.deadline = Instant::max();
    if (slot.attempt) {
      slot.phase = Phase::kRunning;
      out.emplace_back(RunTrial{index, *slot.attempt, std::move(slot.trial_json)});
      slot.trial_json.clear();
    }
    Fill(now, &out);
    return out;
  }
  if (slot.phase != Phase::kRunning && slot.phase != Phase::kCancelling) return out;

  // Whatever is about another attempt is late and of no interest.
  if (const auto* phase = std::get_if<TrainerPhase>(&message)) {
    if (phase->attempt == slot.attempt && phase->steps > 0) slot.steps = phase->steps;
  } else if (const auto* progress = std::get_if<TrainerProgress>(&message)) {
    if (progress->attempt != slot.attempt) return out;
    slot.step = progress->step;
    if (progress->steps > 0) slot.steps = progress->steps;
    slot.points.insert(slot.points.end(), progress->points.begin(), progress->points.end());
  } else if (const auto* done = std::get_if<TrainerDone>(&message)) {
    if (done->attempt != slot.attempt) return out;
    slot.points.insert(slot.points.end(), done->points.begin(), done->points.end());
    End(index, std::nullopt, "", done->result_json, &out);
    slot.phase = Phase::kIdle;
    slot.deadline = Instant::max();
    Fill(now, &out);
  } else if (const auto* failed = std::get_if<TrainerFailed>(&message)) {
    if (failed->attempt != slot.attempt) return out;
    End(index, failed->reason, failed->message, "", &out);
    // After these two it exits by itself; a new one is started when there is work.
    const bool exits =
        failed->reason == FailureReason::kOutOfMemory || failed->reason == FailureReason::kCrashed;
    slot.phase = exits ? Phase::kEnding : Phase::kIdle;
    slot.deadline = exits ? now + options_.cancel_grace : Instant::max();
    Fill(now, &out);
  }
  return out;
}

std::vector<Action> Agent::Garbage(int index, const std::string& sentence, Instant now) {
  Slot& slot = slots_[index];
  if (slot.phase == Phase::kEmpty) return {};
  slot.garbage = sentence;
  slot.phase = Phase::kEnding;
  slot.deadline = now + options_.cancel_grace;
  return {KillTrainer{index}};
}

std::vector<Action> Agent::Exited(int index, const TrainerExit& exit, Instant now) {
  std::vector<Action> out;
  Slot& slot = slots_[index];
  if (slot.attempt) {
    if (!slot.garbage.empty()) {
      End(index, FailureReason::kCrashed, slot.garbage, "", &out);
    } else if (slot.stop != Stop::kNone) {
      End(index, FailureReason::kInterrupted, "stopped before it was done", "", &out);
    } else if (slot.phase == Phase::kStarting) {
      End(index, FailureReason::kCrashed, "before it was ready, " + DescribeExit(exit), "", &out);
    } else {
      const FailureReason reason = JudgeExit(exit);
      End(index, reason,
          reason == FailureReason::kOutOfMemory
              ? "the machine ran out of memory; use fewer slots, a smaller batch_size or max_length"
              : DescribeExit(exit),
          "", &out);
    }
  }
  slot = Slot{};
  Fill(now, &out);
  return out;
}

void Agent::WeightsLost(AttemptKey attempt, const std::string& sentence) {
  auto found = unstored_.find(attempt);
  if (found == unstored_.end()) return;
  found->second.failure = FailureReason::kRefused;
  found->second.message = sentence;
  found->second.result_json.clear();
}

std::vector<Action> Agent::LogStored(AttemptKey attempt, const std::string& digest) {
  auto found = unstored_.find(attempt);
  if (found == unstored_.end()) return {};
  found->second.log_blob = digest;
  ended_[attempt] = std::move(found->second);
  unstored_.erase(found);
  return {SyncNow{}};
}

std::vector<Action> Agent::TimePassed(Instant now) {
  std::vector<Action> out;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.deadline > now) continue;
    const int index = static_cast<int>(i);
    if (slot.phase == Phase::kStarting) {
      slot.garbage = "the trainer was not ready within " +
                     std::to_string(options_.start_limit.count() / 1000) + " s";
    }
    slot.phase = Phase::kEnding;
    slot.deadline = now + options_.cancel_grace;  // killed again, should the kill get lost
    out.emplace_back(KillTrainer{index});
  }
  if (now >= drain_deadline_) {
    drain_deadline_ = Instant::max();
    StopAll(now, &out);
  }
  if (now - last_contact_ >= options_.offline_grace) StopAll(now, &out);
  Fill(now, &out);
  return out;
}

std::vector<Action> Agent::Drain(std::chrono::milliseconds grace, Instant now) {
  std::vector<Action> out;
  leaving_ = true;
  StartDraining(grace, now, &out);
  return out;
}

void Agent::StartDraining(std::chrono::milliseconds grace, Instant now, std::vector<Action>* out) {
  draining_ = true;
  for (const AssignedAttempt& assigned : backlog_) GiveBack(assigned.attempt, out);
  backlog_.clear();
  if (grace.count() <= 0) {
    StopAll(now, out);
  } else {
    drain_deadline_ = now + grace;
  }
  out->emplace_back(SyncNow{});
}

SyncReport Agent::Report() {
  SyncReport report;
  report.slots = draining_ ? 0 : options_.slots;
  report.draining = draining_;
  for (Slot& slot : slots_) {
    if (!slot.attempt) continue;
    slot.points_said = slot.points.size();
    report.running.push_back({*slot.attempt, slot.step, slot.steps, slot.points, "", 0});
  }
  for (const AssignedAttempt& waiting : backlog_) {
    report.running.push_back({waiting.attempt, 0, 0, {}, "", 0});
  }
  // Ended, but not yet sayable: to the server it still runs, or it would count as crashed.
  for (const auto& [attempt, ended] : unstored_) {
    report.running.push_back({attempt, 0, 0, {}, "", 0});
  }
  for (const auto& [attempt, ended] : ended_) report.ended.push_back(ended);
  report.has_free_slot = has_free_slot();
  return report;
}

void Agent::SyncAnswered(Instant now) {
  last_contact_ = now;
  for (Slot& slot : slots_) {
    slot.points.erase(slot.points.begin(), slot.points.begin() + slot.points_said);
    slot.points_said = 0;
  }
}

std::optional<Agent::Instant> Agent::NextDeadline() const {
  Instant next = drain_deadline_;
  bool working = false;
  for (const Slot& slot : slots_) {
    next = std::min(next, slot.deadline);
    working = working || (slot.attempt && slot.stop == Stop::kNone);
  }
  if (working) next = std::min(next, last_contact_ + options_.offline_grace);
  if (next == Instant::max()) return std::nullopt;
  return next;
}

size_t Agent::busy() const {
  return backlog_.size() +
         static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) {
           return slot.attempt.has_value();
         }));
}

bool Agent::has_free_slot() const { return !draining_ && busy() < slots_.size(); }

bool Agent::idle() const { return busy() == 0; }

bool Agent::finished() const { return leaving_ && idle() && unstored_.empty() && ended_.empty(); }

// Gives waiting attempts to slots that are free: first where a trainer is ready, then where one is
// coming, then where one has to be started.
void Agent::Fill(Instant now, std::vector<Action>* out) {
  for (Phase phase : {Phase::kIdle, Phase::kStarting, Phase::kEmpty}) {
    for (size_t i = 0; i < slots_.size() && !backlog_.empty(); ++i) {
      Slot& slot = slots_[i];
      if (slot.attempt || slot.phase != phase) continue;
      const int index = static_cast<int>(i);
      AssignedAttempt next = std::move(backlog_.front());
      backlog_.pop_front();
      slot.attempt = next.attempt;
      if (phase == Phase::kIdle) {
        slot.phase = Phase::kRunning;
        out->emplace_back(RunTrial{index, next.attempt, std::move(next.trial_json)});
        continue;
      }
      slot.trial_json = std::move(next.trial_json);
      if (phase == Phase::kEmpty) {
        slot.phase = Phase::kStarting;
        slot.deadline = now + options_.start_limit;
        out->emplace_back(StartTrainer{index, next.attempt});
      }
    }
  }
}

void Agent::StopSlot(int index, Stop why, Instant now, std::vector<Action>* out) {
  Slot& slot = slots_[index];
  if (!slot.attempt || slot.stop != Stop::kNone) return;
  slot.stop = why;
  if (slot.phase == Phase::kStarting) {  // nothing was sent yet
    End(index, FailureReason::kInterrupted, "stopped before it began", "", out);
  } else if (slot.phase == Phase::kRunning) {
    slot.phase = Phase::kCancelling;
    slot.deadline = now + options_.cancel_grace;
    out->emplace_back(CancelTrial{index, *slot.attempt});
  }
}

void Agent::StopAll(Instant now, std::vector<Action>* out) {
  for (const AssignedAttempt& assigned : backlog_) GiveBack(assigned.attempt, out);
  backlog_.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    StopSlot(static_cast<int>(i), Stop::kInterrupted, now, out);
  }
}

// The slot's attempt is over. The failure of one that the server took back is not news to it.
void Agent::End(int index, std::optional<FailureReason> failure, std::string message,
                std::string result_json, std::vector<Action>* out) {
  Slot& slot = slots_[index];
  const AttemptKey attempt = *slot.attempt;
  if (failure && slot.stop == Stop::kUnwanted) {
    out->emplace_back(DropLog{attempt});
    out->emplace_back(SyncNow{});
  } else {
    out->emplace_back(StoreLog{attempt, FilesOf(result_json)});
    unstored_[attempt] = {
        attempt, failure, std::move(message), std::move(result_json), "", std::move(slot.points)};
  }
  slot.attempt.reset();
  slot.trial_json.clear();
  slot.points.clear();
  slot.points_said = 0;
  slot.step = slot.steps = 0;
  slot.stop = Stop::kNone;
  slot.garbage.clear();
}

void Agent::GiveBack(AttemptKey attempt, std::vector<Action>* out) {
  ended_[attempt] = {attempt, FailureReason::kInterrupted, "the worker is stopping", "", "", {}};
  out->emplace_back(SyncNow{});
}

}  // namespace sparsweep
