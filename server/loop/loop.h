// The one thread that decides: it owns the scheduler and the writing connection.
//
// Whatever is posted while a batch is being written is the next batch: each event is applied, all
// effects go into one transaction, and only after its commit is anyone answered and the feed told.
// There is no commit timer: under load batches grow by themselves, alone a caller waits for one
// fdatasync. Not here: conversion, reading, sockets.
//
// Post from any thread. Replies run on the loop thread and must not block.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "scheduler/scheduler.h"
#include "server/feed/feed.h"
#include "server/loop/progress.h"
#include "server/store/file.h"
#include "server/store/writer.h"

namespace sparsweep {

// What came of something posted, once it is on disk.
struct Outcome {
  SweepId sweep = 0;                        // of SweepSubmitted
  Instruction instruction;                  // of WorkerSynced
  std::map<TrialId, std::string> specs;     // of what the worker did not know it should run
  std::chrono::microseconds held{};         // how long the loop worked on it, its commit included
  std::string answer;                       // of a PersonsRequest: as it was given the first time
};

// What a person's request carries beside the event.
struct PersonsRequest {
  std::string id;      // request_id; empty: none
  std::string digest;  // of all that was asked, so that an id stands for one request
  SweepId sweep = 0;   // it is about; 0: none, or the one that it makes
  std::string etag;    // the sweep's revision that the person saw; empty: any
  std::string answer;  // stored with the id, for its repetition
};

struct Posted {
  std::optional<Event> event;             // exactly one of `event` and `write`
  std::function<Status(Writer&)> write;   // a write that concerns no decision (a blob's row, ...)
  std::optional<PersonsRequest> request = {};  // beside an event
  bool behind = false;  // a long one: a batch of its own, in turns with those of everyone else
  // Beside WorkerSynced:
  std::map<AttemptId, std::vector<MetricPoint>> metrics;
  std::map<AttemptId, Progress::LogTail> logs;
  Duration hold{};       // how long the answer may wait for news
  bool leaving = false;  // and then the worker is gone
  std::function<void(Result<Outcome>)> reply;  // may be empty
};

struct LoopOptions {
  SchedulerOptions scheduler;
  int64_t min_free_bytes = 0;
  // Called on the loop thread after the commit.
  std::function<void(SweepId)> on_sweep_created = {};
  std::function<void(SweepId)> on_sweep_ended = {};  // not of one that is stopped before
};

class Loop {
 public:
  // Its thread restores the scheduler from the file, then takes what was posted (Restored). What is
  // passed must outlive the loop.
  static Result<std::unique_ptr<Loop>> Start(StoreFile& file, Feed& feed, Progress& progress,
                                             LoopOptions options);
  ~Loop();

  // Waits until the scheduler is restored. If it cannot be, the loop answers everything with that
  // error and is of no more use.
  Status Restored() { return restored_.get(); }

  // How long the write-ahead log is; queries ask.
  WriteAheadLog& log() { return file_.log(); }

  // After Stop the reply is UNAVAILABLE.
  void Post(Posted posted);
  // The caller of this Sync is gone; if it is held it is answered, before more work is given out.
  void Abandon(std::string worker, std::string incarnation, int64_t sequence);
  // Answers held calls with UNAVAILABLE, finishes what was posted, ends the thread. Idempotent.
  void Stop();

 private:
  Loop(StoreFile& file, Feed& feed, Progress& progress, LoopOptions options);

  struct Held {
    Posted posted;  // its event repeated whenever there may be news; nothing in it is new
    Instant deadline;
  };
  struct Leased {
    std::string worker;
    SweepId sweep = 0;
  };
  using Answers = std::vector<std::pair<std::function<void(Result<Outcome>)>, Result<Outcome>>>;

  Status Restore();
  void Run();
  void Schedule();  // by mutex_; who lets go of it tells `changed_`
  void Defer(std::function<void()> task);  // any thread
  std::vector<Posted> NextBatch();
  bool RunBatch();  // false: nothing was posted
  // An error is the store's: the batch is lost.
  Status Take(Posted posted, Instant now);
  Status TakeSync(Posted posted, Instant now);
  Status TakeRequest(Posted posted, Instant now);
  Result<std::optional<Result<Outcome>>> AnswerBefore(const PersonsRequest& request);
  Status WriteMetrics(const Posted& posted, const WorkerSynced& sync);
  Status HoldBackUnlogged(WorkerSynced& sync, Instant now);
  // Applies, writes the effects, and gives those that are answers.
  Result<Result<Outcome>> Apply(Event event, Instant now);
  Status Note(const Effect& effect);
  Status AddSpecs(const WorkerSynced& sync, Outcome* outcome);
  Status ReleaseHeld(Instant now);
  void Publish(std::vector<EventRow> events);
  void Fail(const Status& status);
  void Recover();
  void SetWake();
  void Answer(std::function<void(Result<Outcome>)> reply, Result<Outcome> outcome);

  // Constant after construction.
  StoreFile& file_;
  Feed& feed_;
  Progress& progress_;
  const LoopOptions options_;

  // Told after mutex_ is free again, so that the loop does not wake up only to wait for it.
  std::condition_variable changed_;
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;  // by mutex_
  std::vector<Posted> queue_;   // by mutex_
  std::deque<Posted> behind_;   // by mutex_
  bool behind_next_ = false;    // by mutex_: of the two, whose turn it is
  bool scheduled_ = false;      // by mutex_
  bool stopping_ = false;       // by mutex_
  bool over_ = false;           // by mutex_

  // Loop thread only.
  Writer writer_;
  Scheduler scheduler_;
  std::optional<Instant> wake_at_;       // though nothing is posted
  std::map<std::string, Held> held_;     // by worker
  std::map<AttemptId, Leased> leased_;   // live attempts
  std::map<std::string, int64_t> touched_at_;  // last_seen_at as stored, by worker
  std::map<std::string, Instant> unlogged_;    // since when a log of it is awaited, by worker
  Status failure_;                       // not ok: waiting for the disk
  Duration probe_after_{};               // zero: never
  Instant space_seen_{};                 // when `space_` was: free bytes of the disk
  int64_t space_ = 0;
  std::promise<Status> restoring_;
  // Of the batch under way.
  int64_t now_ms_ = 0;
  Answers answers_;
  std::vector<EventRow> hints_;
  std::set<SweepId> counted_, created_, ended_;
  std::set<std::string> news_;           // workers whose instruction changed

  std::shared_future<Status> restored_{restoring_.get_future()};
  std::thread thread_;
};

}  // namespace sparsweep
