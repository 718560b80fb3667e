// A scheduler with its store model, for tests.
#include "tests/scheduler/environment.h"

#include <algorithm>

#include "tests/scheduler/simulation/laws.h"

namespace sparsweep::testing {

std::string Identity(const std::string& name) {
  static const char kHex[] = "0123456789abcdef";
  std::string identity;
  for (unsigned char c : name) identity += {kHex[c >> 4], kHex[c & 15]};
  identity.resize(64, '0');
  return identity;
}

Environment::Environment(SchedulerOptions options) : options_(options), scheduler_(options) {}

std::vector<Effect> Environment::Apply(Event event) {
  Result<std::vector<Effect>> effects = scheduler_.Apply(std::move(event), now_);
  EXPECT_TRUE(effects.ok()) << effects.status().message();
  if (!effects.ok()) return {};
  const auto broken = store_.Commit(*effects);
  EXPECT_FALSE(broken) << *broken;
  Check();
  effects_ = *std::move(effects);
  return effects_;
}

Status Environment::Refused(Event event) {
  const Result<std::vector<Effect>> effects = scheduler_.Apply(std::move(event), now_);
  EXPECT_FALSE(effects.ok());
  Check();
  return effects.ok() ? Status() : effects.status();
}

void Environment::Check() {
  for (const auto& [id, sweep] : store_.sweeps()) {
    if (sweep.deleting) continue;
    EXPECT_EQ(scheduler_.CoverageOf(id), store_.Count(id)) << "sweep " << id;
    EXPECT_EQ(scheduler_.StateOf(id), sweep.state) << "sweep " << id;
  }
  const Law differs = BrokenMemoryLaw(store_.Read(), scheduler_);
  EXPECT_FALSE(differs) << *differs;
}

SweepId Environment::SubmitWith(const SweepOptions& options, const std::vector<CellOf>& cells) {
  SweepSubmitted submitted;
  submitted.options = options;
  const SweepId sweep = Only<SweepCreated>(Apply(submitted)).at(0).sweep;
  Expand(sweep, cells);
  return sweep;
}

SweepId Environment::SubmitEmpty(int64_t priority) {
  SweepSubmitted submitted;
  submitted.options.priority = priority;
  return Only<SweepCreated>(Apply(submitted)).at(0).sweep;
}

SweepId Environment::Submit(const std::vector<CellOf>& cells, int64_t priority) {
  const SweepId sweep = SubmitEmpty(priority);
  Expand(sweep, cells);
  return sweep;
}

std::vector<Effect> Environment::Expand(SweepId sweep, const std::vector<CellOf>& cells,
                                        uint64_t first, bool last) {
  CellsExpanded event{sweep, {}, first + cells.size(), last};
  for (const CellOf& cell : cells) {
    ExpandedCell& added = event.cells.emplace_back();
    added.index = first + (&cell - cells.data());
    added.is_baseline = cell.is_baseline;
    for (const std::string& name : cell.trials) {
      ExpandedTrial& trial = added.trials.emplace_back();
      trial.identity = Identity(name);
      trial.seed_rank = static_cast<int>(added.trials.size()) - 1;
    }
  }
  return Apply(std::move(event));
}

void Environment::Worker(const std::string& name, int slots) {
  WorkerSynced& next = workers_[name];
  next.worker = name;
  next.incarnation = name + "-1";
  next.slots = slots;
}

Instruction Environment::Send(WorkerSynced event) {
  const auto answers = Only<Instruction>(Apply(std::move(event)));
  EXPECT_EQ(answers.size(), 1u);
  return answers.at(0);
}

Instruction Environment::Sync(const std::string& name) {
  WorkerSynced& next = workers_.at(name);
  ++next.sequence;
  const Instruction answer = Send(next);
  if (answer.stale) return answer;
  std::erase_if(next.ended, [&](const EndedAttempt& ended) {
    return std::ranges::find(answer.acknowledged, ended.attempt) != answer.acknowledged.end();
  });
  next.running.clear();
  for (const AttemptId& id : answer.run) next.running.push_back({id});
  return answer;
}

Instruction Environment::Succeed(const std::string& name, AttemptId attempt) {
  WorkerSynced& next = workers_.at(name);
  std::erase_if(next.running, [&](const SlotReport& slot) { return slot.attempt == attempt; });
  next.ended.push_back({attempt, std::nullopt, "", "result of " + name, ""});
  return Sync(name);
}

Instruction Environment::Fail(const std::string& name, AttemptId attempt, FailureReason reason) {
  WorkerSynced& next = workers_.at(name);
  std::erase_if(next.running, [&](const SlotReport& slot) { return slot.attempt == attempt; });
  next.ended.push_back({attempt, reason, "it failed", "", ""});
  return Sync(name);
}

void Environment::Restart(const std::string& name) {
  WorkerSynced& next = workers_.at(name);
  next.incarnation += "+";
  next.sequence = 0;
  next.running.clear();
  next.ended.clear();
}

void Environment::Wait(Duration duration) {
  now_ += duration;
  Apply(TimePassed{});
}

void Environment::Crash() {
  scheduler_ = Scheduler::Restore(options_, store_.Read(), now_);
  Check();
}

TrialId Environment::TrialOf(const std::string& name) const {
  for (const auto& [id, trial] : store_.trials()) {
    if (trial.identity == Identity(name)) return id;
  }
  return 0;
}

}  // namespace sparsweep::testing
