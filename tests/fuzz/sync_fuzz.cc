// Sync: any message is refused with a sentence or becomes a fact, which the scheduler takes without
// accepting more than one result of a trial.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "core/sha256.h"
#include "scheduler/scheduler.h"
#include "server/services/sync_request.h"

namespace {

using namespace sparsweep;

// A sweep of three trials, and the worker "w" that runs two of them.
Scheduler Prepared(Instant now) {
  Scheduler scheduler{SchedulerOptions()};
  SweepSubmitted submitted;
  submitted.name = "fuzz";
  submitted.spec_json = "{}";
  (void)scheduler.Apply(submitted, now);
  CellsExpanded chunk;
  chunk.sweep = 1;
  for (uint64_t index = 0; index < 3; ++index) {
    ExpandedCell cell;
    cell.index = index;
    ExpandedTrial trial;
    trial.identity = Sha256Hex(std::to_string(index));
    cell.trials.push_back(trial);
    chunk.cells.push_back(cell);
  }
  chunk.next_index = 3;
  chunk.last = true;
  (void)scheduler.Apply(chunk, now);
  WorkerSynced sync;
  sync.worker = "w";
  sync.incarnation = "one";
  sync.sequence = 1;
  sync.slots = 2;
  (void)scheduler.Apply(sync, now);
  return scheduler;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  v1::SyncRequest request;
  if (!request.ParseFromArray(bytes, static_cast<int>(size))) return 0;
  Refusals refusals;
  Result<Posted> posted = ToPosted(request, refusals);
  if (!posted.ok()) {
    if (posted.status().message().empty()) std::abort();
    return 0;
  }
  Instant now{};
  Scheduler scheduler = Prepared(now);
  std::map<TrialId, int> accepted;
  for (int repeat = 0; repeat < 2; ++repeat) {
    now += std::chrono::seconds(1);
    const auto effects = scheduler.Apply(std::get<WorkerSynced>(*posted->event), now);
    if (!effects.ok()) std::abort();  // a WorkerSynced never is an error
    for (const Effect& effect : *effects) {
      const auto* ended = std::get_if<AttemptEnded>(&effect);
      if (ended == nullptr || ended->state != AttemptState::kSucceeded) continue;
      if (++accepted[ended->attempt.trial] > 1) std::abort();
    }
  }
  return 0;
}
