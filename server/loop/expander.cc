#include "server/loop/expander.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/store/reads.h"
#include "server/store/reader_pool.h"

namespace sparsweep {
namespace {

using std::chrono::milliseconds;

// A chunk holds the loop for at most 20 ms (contracts.md); aimed at less than half.
constexpr std::chrono::microseconds kChunkTime{8'000};
constexpr double kSmallestChunk = 8, kLargestChunk = 4096;  // trials
constexpr double kFirstTrialTime = 160;                     // microseconds: a guess on the safe side
constexpr double kNewest = 0.2;  // how much the last chunk counts: its size was set two chunks ago
constexpr milliseconds kRetry{500};

}  // namespace

ExpandedCell ToExpanded(Cell cell, const SweepSpec& spec, SpecParts& specs) {
  ExpandedCell expanded;
  expanded.index = cell.index;
  expanded.is_baseline = cell.is_baseline;
  expanded.alias_of = cell.alias_of;
  if (spec.baseline != "none") expanded.baseline_index = cell.baseline_index;
  expanded.axes_json = std::move(cell.axes_json);
  expanded.attention = std::move(cell.attention);
  expanded.canonical = std::move(cell.canonical);
  SpecParts::Parts parts = specs.Of(cell.index, cell.trials.front());
  expanded.common_spec = std::move(parts.common);
  expanded.training_json = std::move(parts.training);
  expanded.trials.reserve(cell.trials.size());
  for (TrialSpec& trial : cell.trials) {
    const auto seed = std::find(spec.seeds.begin(), spec.seeds.end(), trial.seed);
    expanded.trials.push_back({std::move(trial.identity), trial.seed, trial.mask_seed,
                               static_cast<int>(seed - spec.seeds.begin())});
  }
  return expanded;
}

Result<std::unique_ptr<Expander>> Expander::Start(const std::string& db_path, Resolver& resolver,
                                                  Loop& loop) {
  Result<std::unique_ptr<Database>> db = OpenForReading(db_path);
  if (!db.ok()) return db.status();
  const auto unfinished = ReaderPool::ReadNow<std::vector<SweepId>>(
      **db, [](Database& rows) { return ReadUnexpanded(rows); });
  if (!unfinished.ok()) return unfinished.status();
  std::unique_ptr<Expander> expander(new Expander(*std::move(db), resolver, loop));
  for (const SweepId sweep : *unfinished) expander->Enqueue(sweep);
  expander->thread_ = std::thread([expander = expander.get()] { expander->Work(); });
  return expander;
}

Expander::Expander(std::unique_ptr<Database> db, Resolver& resolver, Loop& loop)
    : db_(std::move(db)), resolver_(resolver), loop_(loop) {}

Expander::~Expander() { Stop(); }

void Expander::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Expander::Enqueue(SweepId sweep) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(sweep);
  }
  changed_.notify_all();
}

void Expander::Work() {
  while (true) {
    SweepId sweep = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      sweep = queue_.front();
      queue_.pop_front();
    }
    if (!Expand(sweep)) {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kRetry, [&] { return stopping_; });
      queue_.push_back(sweep);
    }
  }
}

std::future<Result<Outcome>> Expander::Send(Event event) {
  auto promise = std::make_shared<std::promise<Result<Outcome>>>();
  Posted posted;
  posted.event = std::move(event);
  posted.behind = true;
  posted.reply = [promise](Result<Outcome> outcome) { promise->set_value(std::move(outcome)); };
  std::future<Result<Outcome>> future = promise->get_future();
  loop_.Post(std::move(posted));
  return future;
}

bool Expander::Expand(SweepId sweep) {
  const auto row = ReaderPool::ReadNow<std::optional<ExpansionRow>>(
      *db_, [sweep](Database& rows) { return ReadExpansion(rows, sweep); });
  if (!row.ok()) return false;
  if (!*row) return true;
  const auto fail = [&](const Status& status) {
    spdlog::warn("sweep {} cannot be expanded: {}", sweep, status.message());
    const Result<Outcome> told = Send(ExpansionFailed{sweep, status.message()}).get();
    return told.ok() || told.status().code() != StatusCode::kUnavailable;
  };
  Result<SweepSpec> spec = ParseSweepSpec((*row)->spec_json);
  if (!spec.ok()) return fail(spec.status());
  Result<Grid> grid = Grid::Make(*spec, resolver_);
  if (!grid.ok()) return fail(grid.status());

  SpecParts specs(*spec);
  double trial_time = kFirstTrialTime;
  CellsExpanded chunk{sweep, {}, 0, false};
  size_t trials = 0;
  // The next chunk is made while the loop writes this one.
  std::future<Result<Outcome>> sent;
  size_t trials_sent = 0;
  const auto settled = [&]() -> Status {
    if (!sent.valid()) return {};
    const Result<Outcome> outcome = sent.get();
    if (!outcome.ok()) return outcome.status();
    if (trials_sent > 0) {
      const auto held = static_cast<double>(outcome->held.count());
      trial_time += kNewest * (held / static_cast<double>(trials_sent) - trial_time);
    }
    return {};
  };
  // Cancelled meanwhile: there is nothing more to expand.
  const auto over = [](const Status& status) { return status.code() != StatusCode::kUnavailable; };
  for (uint64_t index = (*row)->next_index; index < grid->end_index(); ++index) {
    Result<std::optional<Cell>> cell = grid->At(index);
    if (!cell.ok()) {
      const Status status = settled();
      return status.ok() ? fail(cell.status()) : over(status);
    }
    const bool last = index + 1 == grid->end_index();
    if (*cell) {
      trials += (*cell)->trials.size();
      chunk.cells.push_back(ToExpanded(**std::move(cell), *spec, specs));
    }
    const double enough =
        std::clamp(static_cast<double>(kChunkTime.count()) / trial_time, kSmallestChunk, kLargestChunk);
    if (!last && static_cast<double>(trials) < enough) continue;
    chunk.next_index = index + 1;
    chunk.last = last;
    if (const Status status = settled(); !status.ok()) return over(status);
    sent = Send(std::move(chunk));
    chunk = CellsExpanded{sweep, {}, 0, false};
    trials_sent = std::exchange(trials, 0);
    const std::lock_guard lock(mutex_);
    if (stopping_) break;
  }
  const Status status = settled();
  return status.ok() || over(status);
}

}  // namespace sparsweep
