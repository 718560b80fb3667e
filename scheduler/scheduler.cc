// One event in, its effects out: who handles what.
#include "scheduler/scheduler.h"

#include <utility>

#include "scheduler/state.h"

namespace sparsweep {
namespace {

template <typename... F>
struct Overload : F... {
  using F::operator()...;
};
template <typename... F>
Overload(F...) -> Overload<F...>;  // clang 14 wants it said

}  // namespace

Scheduler::Scheduler(SchedulerOptions options) : state_(std::make_unique<State>(options)) {}
Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

Scheduler Scheduler::Restore(SchedulerOptions options, const StoredState& stored, Instant now) {
  Scheduler scheduler(options);
  scheduler.state_->Load(stored, now);
  return scheduler;
}

Result<std::vector<Effect>> Scheduler::Apply(Event event, Instant now) {
  State& state = *state_;
  Step step{now};
  const auto done = [] { return Status(); };
  const Status status =
      std::visit(Overload{
                     [&](SweepSubmitted& e) { return state.Submit(step, std::move(e)); },
                     [&](CellsExpanded& e) { return state.Expand(step, std::move(e)); },
                     [&](ExpansionFailed& e) { return state.FailExpansion(step, std::move(e)); },
                     [&](SweepCancelRequested& e) { return state.Cancel(step, e); },
                     [&](SweepPauseRequested& e) { return state.Pause(step, e); },
                     [&](SweepResumeRequested& e) { return state.Resume(step, e); },
                     [&](SweepRetryRequested& e) { return state.Retry(step, e); },
                     [&](SweepReprioritised& e) { return state.Reprioritise(step, e); },
                     [&](SweepDeleteRequested& e) { return state.Delete(step, e); },
                     [&](TrialCancelRequested& e) { return state.CancelTrial(step, e); },
                     [&](TrialPauseRequested& e) { return state.PauseTrial(step, e); },
                     [&](TrialResumeRequested& e) { return state.ResumeTrial(step, e); },
                     [&](TrialRetryRequested& e) { return state.RetryTrial(step, e); },
                     [&](ResultsInvalidated& e) { return state.Invalidate(step, e); },
                     [&](WorkerDrainRequested& e) { return state.Drain(step, e); },
                     [&](WorkerSynced& e) { return state.Sync(step, std::move(e)), done(); },
                     [&](WorkerLeft& e) { return state.Goodbye(step, e), done(); },
                     [&](TimePassed&) {
                       state.LetTimePass(step);
                       state.Tidy(step, state.options.tidied_at_once);
                       return done();
                     },
                 },
                 event);
  if (!status.ok()) return status;
  state.SettleSweeps(step);
  return std::move(step.effects);
}

std::optional<Instant> Scheduler::NextDeadline() const {
  if (!state_->untidy.empty()) return Instant{};
  return state_->timers.Next();
}

bool Scheduler::HasWork(Instant) const { return state_->CouldLease(); }

bool Scheduler::HasWorkFor(const std::string& worker, Instant) const {
  const Worker* known = state_->FindWorker(worker);
  return known != nullptr && state_->CouldLeaseTo(*known);
}

StoredState Scheduler::Remembered() const { return state_->Remembered(); }

std::optional<Coverage> Scheduler::CoverageOf(SweepId sweep) const {
  const auto it = state_->sweeps.find(sweep);
  if (it == state_->sweeps.end()) return std::nullopt;
  return it->second.coverage;
}

std::optional<SweepState> Scheduler::StateOf(SweepId sweep) const {
  const auto it = state_->sweeps.find(sweep);
  if (it == state_->sweeps.end()) return std::nullopt;
  return it->second.state;
}

}  // namespace sparsweep
