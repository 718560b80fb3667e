// The part of the loop that speaks with workers: Sync, held calls, metric points, live progress.
#include <spdlog/spdlog.h>

#include "server/loop/loop.h"

namespace sparsweep {
namespace {

constexpr int64_t kSeenResolution = 10'000;  // ms: how old v_workers.last_seen_at may be

// Whether the worker does what it is told already, so that the answer may wait.
bool Obeys(const WorkerSynced& sync, const Instruction& told) {
  if (told.drain && !sync.draining) return false;
  std::set<AttemptId> reported;
  for (const SlotReport& slot : sync.running) reported.insert(slot.attempt);
  return std::set<AttemptId>(told.run.begin(), told.run.end()) == reported;
}

}  // namespace

Status Loop::TakeSync(Posted posted, Instant now) {
  auto& sync = std::get<WorkerSynced>(*posted.event);
  const auto lost = [&](const Status& status) {
    answers_.emplace_back(std::move(posted.reply), Result<Outcome>(status));
    return status;
  };
  if (const auto held = held_.find(sync.worker); held != held_.end()) {
    const auto& older = std::get<WorkerSynced>(*held->second.posted.event);
    if (older.incarnation != sync.incarnation || older.sequence <= sync.sequence) {
      Outcome released;
      released.instruction.stale = true;
      answers_.emplace_back(std::move(held->second.posted.reply), std::move(released));
      held_.erase(held);
    }
  }
  if (Status status = HoldBackUnlogged(sync, now); !status.ok()) return lost(status);
  if (Status status = WriteMetrics(posted, sync); !status.ok()) return lost(status);

  Result<Result<Outcome>> applied = Apply(sync, now);
  if (!applied.ok()) return lost(applied.status());
  SPARSWEEP_CHECK(applied->ok());  // a WorkerSynced is never an error (scheduler.h)
  Outcome outcome = **std::move(applied);
  if (posted.leaving && !outcome.instruction.stale) {
    const auto left = Apply(WorkerLeft{sync.worker, sync.incarnation}, now);
    if (!left.ok()) return lost(left.status());
    outcome.instruction.run.clear();
  }
  if (!outcome.instruction.stale) {
    progress_.SetSeen(sync.worker, now_ms_);
    int64_t& touched_at = touched_at_[sync.worker];
    if (writer_.open() && now_ms_ - touched_at > kSeenResolution) {
      if (Status status = writer_.TouchWorker(sync.worker); !status.ok()) return lost(status);
      touched_at = now_ms_;
    }
  }
  if (posted.hold > Duration::zero() && !posted.leaving && !outcome.instruction.stale &&
      outcome.instruction.acknowledged.empty() && Obeys(sync, outcome.instruction)) {
    sync.ended.clear();
    posted.metrics.clear();
    posted.logs.clear();
    const Instant deadline = now + std::min(posted.hold, options_.scheduler.lease / 3);
    const std::string worker = sync.worker;
    news_.erase(worker);
    held_[worker] = {std::move(posted), deadline};
    return {};
  }
  if (Status status = AddSpecs(sync, &outcome); !status.ok()) return lost(status);
  answers_.emplace_back(std::move(posted.reply), std::move(outcome));
  return {};
}

// A success whose log has not arrived is still running as far as anyone knows: it is accepted when
// its log is here. One that does not come within a lease never will (it went with the last trial
// that named the same bytes, say, and its worker was told that it is stored): the result matters more.
Status Loop::HoldBackUnlogged(WorkerSynced& sync, Instant now) {
  const auto since = unlogged_.find(sync.worker);
  const bool waited = since != unlogged_.end() && now >= since->second + options_.scheduler.lease;
  bool waits = false;
  for (auto ended = sync.ended.begin(); ended != sync.ended.end();) {
    if (!ended->log_blob.empty()) {
      const Result<bool> here = writer_.HasBlob(ended->log_blob);
      if (!here.ok()) return here.status();
      if (!*here && waited) {
        spdlog::warn("attempt {}.{} of worker {} is accepted without its log, which never came",
                     ended->attempt.trial, ended->attempt.number, sync.worker);
        ended->log_blob.clear();
      } else if (!*here) {
        waits = true;
        sync.running.push_back({ended->attempt, 0, 0});
        ended = sync.ended.erase(ended);
        continue;
      }
    }
    ++ended;
  }
  if (waits) {
    unlogged_.try_emplace(sync.worker, now);
  } else if (since != unlogged_.end()) {
    unlogged_.erase(since);
  }
  return {};
}

// Points, steps and log text of attempts that were leased to this worker; others are dropped.
Status Loop::WriteMetrics(const Posted& posted, const WorkerSynced& sync) {
  for (const auto& [attempt, points] : posted.metrics) {
    if (points.empty()) continue;
    const auto leased = leased_.find(attempt);
    bool known = leased != leased_.end() && leased->second.worker == sync.worker;
    if (leased == leased_.end()) {
      const Result<bool> was = writer_.WasLeased(attempt, sync.worker);
      if (!was.ok()) return was.status();
      known = *was;
    }
    if (!known) continue;
    if (Status status = writer_.Begin(now_ms_); !status.ok()) return status;
    if (Status status = writer_.WriteMetrics(attempt, points); !status.ok()) return status;
  }
  for (const SlotReport& slot : sync.running) {
    const auto leased = leased_.find(slot.attempt);
    if (leased == leased_.end() || leased->second.worker != sync.worker) continue;
    if (const auto log = posted.logs.find(slot.attempt); log != posted.logs.end()) {
      progress_.AppendLog(slot.attempt, log->second.start, log->second.text);
    }
    if (slot.steps > 0) progress_.SetSteps(slot.attempt, {slot.step, slot.steps});
    EventRow hint;
    hint.at = now_ms_;
    hint.type = "progress";
    hint.sweep = leased->second.sweep;
    hint.trial = slot.attempt.trial;
    hint.attempt = slot.attempt.number;
    hint.worker = sync.worker;
    hint.step = slot.step;
    hint.steps = slot.steps;
    hints_.push_back(std::move(hint));
  }
  return {};
}

// The specification of every attempt that the worker did not say it runs.
Status Loop::AddSpecs(const WorkerSynced& sync, Outcome* outcome) {
  std::set<AttemptId> reported;
  for (const SlotReport& slot : sync.running) reported.insert(slot.attempt);
  for (const AttemptId& attempt : outcome->instruction.run) {
    if (reported.contains(attempt)) continue;
    Result<std::string> spec = writer_.TrialSpecJson(attempt.trial);
    if (!spec.ok()) return spec.status();
    outcome->specs[attempt.trial] = *std::move(spec);
  }
  return {};
}

void Loop::Abandon(std::string worker, std::string incarnation, int64_t sequence) {
  Defer([this, worker = std::move(worker), incarnation = std::move(incarnation), sequence] {
    const auto held = held_.find(worker);
    if (held == held_.end()) return;
    const auto& sync = std::get<WorkerSynced>(*held->second.posted.event);
    if (sync.incarnation != incarnation || sync.sequence != sequence) return;
    auto reply = std::move(held->second.posted.reply);
    held_.erase(held);
    Answer(std::move(reply), Status(StatusCode::kCancelled, "the caller is gone"));
  });
}

// Held calls whose time is up, whose instruction changed, or for whose worker there is work now.
Status Loop::ReleaseHeld(Instant now) {
  const std::set<std::string> news = std::exchange(news_, {});
  for (auto at = held_.begin(); at != held_.end();) {
    const auto& [worker, held] = *at;
    const bool due = held.deadline <= now;
    if (!due && !news.contains(worker) && !scheduler_.HasWorkFor(worker, now)) {
      ++at;
      continue;
    }
    const auto& sync = std::get<WorkerSynced>(*held.posted.event);
    Result<Result<Outcome>> applied = Apply(sync, now);
    if (!applied.ok()) return applied.status();
    SPARSWEEP_CHECK(applied->ok());
    Outcome outcome = **std::move(applied);
    if (!due && !outcome.instruction.stale && Obeys(sync, outcome.instruction)) {
      ++at;
      continue;
    }
    if (Status status = AddSpecs(sync, &outcome); !status.ok()) return status;
    answers_.emplace_back(std::move(at->second.posted.reply), std::move(outcome));
    at = held_.erase(at);
  }
  // What these answers changed for others is told at once, in a batch of its own.
  if (!news_.empty()) Defer([this] { RunBatch(); });
  return {};
}

}  // namespace sparsweep
