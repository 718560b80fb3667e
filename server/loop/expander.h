// Turns the grids of submitted sweeps into cells, beside the running work: one thread that walks a
// grid by index and hands the loop chunks small enough to hold it for a few milliseconds.
//
// Where it stopped is in the database (sweep.next_index), so a restart goes on from there. Not
// here: what a cell is (core/grid.h), what becomes of it (the scheduler).
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/grid.h"
#include "core/result.h"
#include "server/loop/loop.h"
#include "server/loop/spec_parts.h"
#include "server/store/sqlite.h"

namespace sparsweep {

// A cell as the scheduler wants it. `seed_rank` of a trial is the place of its seed in the spec.
ExpandedCell ToExpanded(Cell cell, const SweepSpec& spec, SpecParts& specs);

class Expander {
 public:
  // Also takes up every sweep whose expansion was interrupted. `loop` and `resolver` must outlive it.
  static Result<std::unique_ptr<Expander>> Start(const std::string& db_path, Resolver& resolver,
                                                 Loop& loop);
  ~Expander();

  void Enqueue(SweepId sweep);  // any thread
  void Stop();                  // finishes the chunk under way; the loop must still run

 private:
  Expander(std::unique_ptr<Database> db, Resolver& resolver, Loop& loop);
  void Work();
  // False: the store could not take it; to be tried again.
  bool Expand(SweepId sweep);
  std::future<Result<Outcome>> Send(Event event);

  std::unique_ptr<Database> db_;
  Resolver& resolver_;
  Loop& loop_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SweepId> queue_;  // by mutex_
  bool stopping_ = false;      // by mutex_

  std::thread thread_;
};

}  // namespace sparsweep
