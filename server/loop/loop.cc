#include "server/loop/loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/store/blobs.h"
#include "server/store/restore.h"

namespace sparsweep {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstProbe{100}, kLastProbe{5000};
constexpr milliseconds kSpaceSeen{100};  // how old the free space may be
constexpr int64_t kMiB = 1 << 20;

Instant Now() { return std::chrono::time_point_cast<milliseconds>(std::chrono::steady_clock::now()); }

int64_t UnixMs() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Status Stopping() { return {StatusCode::kUnavailable, "the server is stopping"}; }

}  // namespace

Loop::Loop(StoreFile& file, Feed& feed, Progress& progress, LoopOptions options)
    : file_(file),
      feed_(feed),
      progress_(progress),
      options_(std::move(options)),
      writer_(file.db()),
      scheduler_(options_.scheduler) {}

Result<std::unique_ptr<Loop>> Loop::Start(StoreFile& file, Feed& feed, Progress& progress,
                                          LoopOptions options) {
  std::unique_ptr<Loop> loop(new Loop(file, feed, progress, std::move(options)));
  loop->thread_ = std::thread([loop = loop.get()] { loop->Run(); });
  return loop;
}

Loop::~Loop() { Stop(); }

void Loop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  Defer([this] {
    while (RunBatch()) {
    }
    for (auto& [worker, held] : held_) Answer(std::move(held.posted.reply), Stopping());
    held_.clear();
    const std::lock_guard lock(mutex_);
    over_ = true;
  });
  if (thread_.joinable()) thread_.join();
}

void Loop::Post(Posted posted) {
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      if (posted.behind) {
        behind_.push_back(std::move(posted));
      } else {
        queue_.push_back(std::move(posted));
      }
      Schedule();
      taken = true;
    }
  }
  if (taken) return changed_.notify_one();
  Answer(std::move(posted.reply), Stopping());
}

void Loop::Schedule() {
  if (std::exchange(scheduled_, true)) return;
  tasks_.push_back([this] {
    {
      const std::lock_guard lock(mutex_);
      scheduled_ = false;
    }
    RunBatch();
  });
}

void Loop::Defer(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Loop::Answer(std::function<void(Result<Outcome>)> reply, Result<Outcome> outcome) {
  if (reply) reply(std::move(outcome));
}

void Loop::Run() {
  // Here, not before the start: what only reads is served meanwhile, what is posted waits.
  const Status restored = Restore();
  if (!restored.ok()) failure_ = restored;
  restoring_.set_value(restored);
  SetWake();
  std::unique_lock lock(mutex_);
  while (!over_) {
    const auto posted = [this] { return !tasks_.empty(); };
    if (wake_at_ && (Now() >= *wake_at_ || !changed_.wait_until(lock, *wake_at_, posted))) {
      wake_at_.reset();
      lock.unlock();
      failure_.ok() ? void(RunBatch()) : Recover();
      lock.lock();
      continue;
    }
    if (!wake_at_) changed_.wait(lock, posted);
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

Status Loop::Restore() {
  Result<StoredState> stored = LoadState(file_.db(), UnixMs());
  if (!stored.ok()) return stored.status();
  scheduler_ = Scheduler::Restore(options_.scheduler, *stored, Now());
  leased_.clear();
  for (const auto& live : stored->live) leased_[live.id] = {live.worker, live.charged_to};
  progress_.ForgetCoverage();
  for (const auto& sweep : stored->sweeps) {
    if (const auto coverage = scheduler_.CoverageOf(sweep.id)) {
      progress_.SetCoverage(sweep.id, *coverage);
    }
  }
  return {};
}

std::vector<Posted> Loop::NextBatch() {
  const std::lock_guard lock(mutex_);
  std::vector<Posted> batch;
  if (!behind_.empty() && (behind_next_ || queue_.empty())) {
    batch.push_back(std::move(behind_.front()));
    behind_.pop_front();
    behind_next_ = false;
  } else {
    batch.swap(queue_);
    behind_next_ = true;
  }
  if (!queue_.empty() || !behind_.empty()) Schedule();
  return batch;
}

bool Loop::RunBatch() {
  std::vector<Posted> batch = NextBatch();
  const bool any = !batch.empty();
  if (!failure_.ok()) {
    for (Posted& posted : batch) Answer(std::move(posted.reply), failure_);
    return any;
  }
  const Instant now = Now();
  now_ms_ = UnixMs();
  Status status;
  if (!batch.empty() && now >= space_seen_ + kSpaceSeen) {
    space_ = FreeBytes(file_.db().path());
    space_seen_ = now;
  }
  if (!batch.empty() && space_ < options_.min_free_bytes) {
    status = {StatusCode::kResourceExhausted,
              "the disk of the database has less than " +
                  std::to_string(options_.min_free_bytes / kMiB) + " MiB left; free some space"};
  }
  if (const auto due = scheduler_.NextDeadline(); status.ok() && due && *due <= now) {
    const auto passed = Apply(TimePassed{}, now);
    if (!passed.ok()) status = passed.status();
  }
  for (Posted& posted : batch) {
    if (status.ok()) {
      status = Take(std::move(posted), now);
    } else {
      answers_.emplace_back(std::move(posted.reply), Result<Outcome>(status));
    }
  }
  if (status.ok()) status = ReleaseHeld(now);
  Result<std::vector<EventRow>> events = std::vector<EventRow>();
  if (status.ok()) {
    const auto start = std::chrono::steady_clock::now();
    events = writer_.Commit();
    if (!events.ok()) status = events.status();
    for (auto& [reply, outcome] : answers_) {
      if (outcome.ok() && outcome->held.count() > 0) {
        outcome->held += std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - start);
      }
    }
  }
  if (!status.ok()) {
    Fail(status);
  } else {
    Publish(*std::move(events));
    RemoveBlobFiles(file_.db().path() + ".blobs", writer_.TakeRemovedBlobs());
    // After those who came meanwhile: it takes as long as a chunk of a grid.
    Defer([this] { file_.log().FinishIfDue(); });
  }
  SetWake();
  return any;
}

// After the commit: tell everyone.
void Loop::Publish(std::vector<EventRow> events) {
  for (const EventRow& event : events) {
    if (event.sweep != 0) counted_.insert(event.sweep);
  }
  for (const SweepId sweep : std::exchange(counted_, {})) {
    if (const auto coverage = scheduler_.CoverageOf(sweep)) {
      progress_.SetCoverage(sweep, *coverage);
    }
  }
  Answers answers = std::exchange(answers_, {});
  for (auto& [reply, outcome] : answers) Answer(std::move(reply), std::move(outcome));
  std::vector<EventRow> hints = std::exchange(hints_, {});
  events.insert(events.end(), std::make_move_iterator(hints.begin()),
                std::make_move_iterator(hints.end()));
  feed_.Publish(events);
  for (const SweepId sweep : std::exchange(created_, {})) {
    if (options_.on_sweep_created) options_.on_sweep_created(sweep);
  }
  for (const SweepId sweep : std::exchange(ended_, {})) {
    if (options_.on_sweep_ended) options_.on_sweep_ended(sweep);
  }
}

// Nobody was told anything that is not on disk: all of the batch is dropped, memory with it.
void Loop::Fail(const Status& status) {
  spdlog::error("the store cannot be written: {}; no work is given out until it can",
                status.message());
  writer_.Abandon();
  failure_ = Status(StatusCode::kUnavailable, "not stored: " + status.message());
  Answers answers = std::exchange(answers_, {});
  for (auto& [reply, outcome] : answers) Answer(std::move(reply), failure_);
  for (auto& [worker, held] : held_) Answer(std::move(held.posted.reply), failure_);
  held_.clear();
  hints_.clear();
  counted_.clear();
  created_.clear();
  ended_.clear();
  news_.clear();
  probe_after_ = kFirstProbe;
}

void Loop::Recover() {
  Status status;
  if (FreeBytes(file_.db().path()) < options_.min_free_bytes) {
    status = failure_;
  } else {
    space_seen_ = {};
    status = writer_.Probe();
    if (status.ok()) status = Restore();
  }
  if (status.ok()) {
    spdlog::info("the store can be written again");
    failure_ = Status();
  } else {
    probe_after_ = std::min(probe_after_ * 2, kLastProbe);
  }
  SetWake();
}

void Loop::SetWake() {
  wake_at_.reset();
  if (!failure_.ok()) {
    if (probe_after_ > Duration::zero()) wake_at_ = Now() + probe_after_;
    return;
  }
  wake_at_ = scheduler_.NextDeadline();
  for (const auto& [worker, held] : held_) {
    if (!wake_at_ || held.deadline < *wake_at_) wake_at_ = held.deadline;
  }
}

Result<Result<Outcome>> Loop::Apply(Event event, Instant now) {
  Result<std::vector<Effect>> effects = scheduler_.Apply(std::move(event), now);
  if (!effects.ok()) return Result<Outcome>(effects.status());
  Outcome outcome;
  for (Effect& effect : *effects) {
    if (auto* instruction = std::get_if<Instruction>(&effect)) {
      outcome.instruction = std::move(*instruction);
      continue;
    }
    if (const auto* created = std::get_if<SweepCreated>(&effect)) outcome.sweep = created->sweep;
    if (Status status = writer_.Begin(now_ms_); !status.ok()) return status;
    if (Status status = writer_.Write(effect); !status.ok()) return status;
    if (Status status = Note(effect); !status.ok()) return status;
  }
  return Result<Outcome>(std::move(outcome));
}

// What the loop itself remembers of an effect.
Status Loop::Note(const Effect& effect) {
  if (const auto* created = std::get_if<SweepCreated>(&effect)) {
    created_.insert(created->sweep);
  } else if (const auto* advanced = std::get_if<ExpansionAdvanced>(&effect)) {
    counted_.insert(advanced->sweep);
  } else if (const auto* changed = std::get_if<SweepChanged>(&effect)) {
    const bool over =
        changed->state == SweepState::kSucceeded || changed->state == SweepState::kFailed;
    if (over && !changed->closed) {
      ended_.insert(changed->sweep);
    }
  } else if (const auto* leased = std::get_if<AttemptLeased>(&effect)) {
    leased_[leased->attempt] = {leased->worker, leased->charged_to};
  } else if (const auto* ended = std::get_if<AttemptEnded>(&effect)) {
    leased_.erase(ended->attempt);
    news_.insert(ended->worker);
    progress_.Forget(ended->attempt, ended->log_blob.empty());
  } else if (const auto* worker = std::get_if<WorkerChanged>(&effect)) {
    news_.insert(worker->worker);
    if (worker->state == "quarantined") {
      spdlog::warn("worker {} is quarantined: too many attempts in a row went wrong on it; v_attempts "
                   "says how, starting it anew takes it back",
                   worker->worker);
    }
    touched_at_[worker->worker] = now_ms_;
  }
  return {};
}

Status Loop::Take(Posted posted, Instant now) {
  if (posted.write) {
    if (Status status = writer_.Begin(now_ms_); !status.ok()) return status;
    const Status status = posted.write(writer_);
    answers_.emplace_back(std::move(posted.reply),
                          status.ok() ? Result<Outcome>(Outcome()) : Result<Outcome>(status));
    return status;
  }
  if (std::holds_alternative<WorkerSynced>(*posted.event)) return TakeSync(std::move(posted), now);
  if (posted.request) return TakeRequest(std::move(posted), now);
  const auto start = std::chrono::steady_clock::now();
  Result<Result<Outcome>> outcome = Apply(*std::move(posted.event), now);
  if (!outcome.ok()) {
    answers_.emplace_back(std::move(posted.reply), Result<Outcome>(outcome.status()));
    return outcome.status();
  }
  if (outcome->ok()) {
    (*outcome)->held = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
  }
  answers_.emplace_back(std::move(posted.reply), *std::move(outcome));
  return {};
}

}  // namespace sparsweep
