// The cluster in virtual time.
#include "tests/scheduler/simulation.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "tests/scheduler/environment.h"
#include "tests/scheduler/laws.h"
#include "tests/scheduler/sim_worker.h"
#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {
namespace {

struct Answer {
  Instruction instruction;
  int64_t reply_to = 0;
  std::vector<EndedAttempt> reported;
};
using Message = std::variant<WorkerSynced, WorkerLeft, Answer>;

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options), random_(options.seed), scheduler_(kScheduling) {
    for (int i = 0; i < options.workers; ++i) {
      workers_.emplace_back("w" + std::to_string(i), 1 + Below(random_, 3));
    }
  }

  SimulationOutcome Run() {
    Submit();
    for (int i = 0; i < options_.steps && !broken_; ++i) Step();
    faults_ = false;
    Recover();
    for (int i = 0; i < 3000 && !broken_ && !AllOver(); ++i) Step();
    if (!broken_ && !AllOver()) Break("something starves: not everything has finished");
    if (!broken_) CheckEnd();
    return {broken_, happened_};
  }

 private:
  static constexpr SchedulerOptions kScheduling{.quarantine_after = 3, .quarantine = minutes(3)};

  bool Fault(const char* name, int per_thousand) {
    if (!faults_ || Below(random_, 1000) >= per_thousand) return false;
    ++happened_[name];
    return true;
  }
  void Break(const Law& law) {
    if (law && !broken_) broken_ = *law + " (step " + std::to_string(step_) + ")";
  }

  void Step() {
    ++step_;
    now_ += milliseconds(Below(random_, 2500));
    if (Fault("clock jump", 5)) now_ += seconds(Below(random_, 90));
    FireTimers();
    Workers();
    Deliver();
    if (faults_) People();
    Expand();
    if (Fault("server killed", 10)) RestartServer();
    CheckLaws();
  }

  // --- the server ---

  void Handle(Event event, std::optional<Answer> answer = {}) {
    std::optional<WorkerSynced> sync;
    if (const auto* s = std::get_if<WorkerSynced>(&event)) sync = *s;
    auto effects = scheduler_.Apply(std::move(event), now_);
    if (!effects.ok()) {
      ++happened_["refused request"];
      return;
    }
    if (sync) Break(order_.Broken(*sync, *effects));
    for (Effect& effect : *effects) {
      if (auto* instruction = std::get_if<Instruction>(&effect)) {
        if (instruction->stale) {
          ++happened_["stale sync"];
          continue;
        }
        answer->instruction = *instruction;
        answers_.push_back(*std::move(answer));
      }
      batch_.push_back(std::move(effect));
    }
    if (!Fault("event waits for its batch", 200)) Commit();
  }

  void Commit() {
    if (batch_.empty() && answers_.empty()) return;
    const bool killed = Fault("killed before commit", 10);
    if (killed || Fault("commit failed", 20)) {
      const auto answers = std::exchange(answers_, {});
      RestartServer();
      if (options_.tell_before_commit) Tell(answers);
      return;
    }
    Break(store_.Commit(batch_));
    for (const Effect& effect : batch_) Note(effect);
    batch_.clear();
    const auto answers = std::exchange(answers_, {});
    if (Fault("killed after commit", 10)) return RestartServer();
    Tell(answers);
  }

  void Note(const Effect& effect) {
    if (const auto* ended = std::get_if<AttemptEnded>(&effect)) {
      ++happened_[std::string("attempt ") + Name(ended->state)];
    } else if (const auto* leased = std::get_if<AttemptLeased>(&effect)) {
      ++happened_[leased->attempt.number == 1 ? "attempt leased" : "trial leased again"];
    } else if (const auto* worker = std::get_if<WorkerChanged>(&effect)) {
      ++happened_["worker " + worker->state];
    }
  }

  void RestartServer() {
    batch_.clear();
    answers_.clear();
    StoredState stored = store_.Read();
    if (options_.forget_live_attempts) stored.live.clear();
    scheduler_ = Scheduler::Restore(kScheduling, stored, now_);
    for (auto& [worker, heard] : heard_) heard = now_;
    order_.Forget();
  }

  // Answers go out; nothing in them may be other than committed.
  void Tell(const std::vector<Answer>& answers) {
    for (const Answer& answer : answers) {
      Break(BrokenAnswerLaw(store_, answer.instruction, answer.reported));
      Send(answer);
    }
  }

  void FireTimers() {
    const auto due = scheduler_.NextDeadline();
    timers_fired_ = !due || *due > now_;
    if (timers_fired_ || Fault("late timer", 200)) return;
    Handle(TimePassed{});
    timers_fired_ = true;
  }

  // --- the network ---

  void Send(Message message) {
    if (Fault("message dropped", 60)) return;
    if (Fault("message doubled", 60)) Post(message);
    Post(std::move(message));
  }
  void Post(Message message) {
    int delay = Below(random_, 200);
    if (Fault("message delayed", 60)) delay += Below(random_, 60000);
    network_.emplace(now_ + milliseconds(delay), std::move(message));
  }

  void Deliver() {
    while (!network_.empty() && network_.begin()->first <= now_) {
      Message message = std::move(network_.extract(network_.begin()).mapped());
      if (auto* answer = std::get_if<Answer>(&message)) {
        for (SimWorker& worker : workers_) {
          if (worker.name() != answer->instruction.worker || !worker.Awake(now_)) continue;
          worker.Take(answer->instruction, answer->reply_to, now_, random_, faults_);
        }
      } else if (auto* sync = std::get_if<WorkerSynced>(&message)) {
        heard_[sync->worker] = now_;
        Handle(*sync, Answer{{}, sync->sequence, sync->ended});
      } else {
        Handle(std::get<WorkerLeft>(message));
      }
    }
  }

  // --- workers and people ---

  void Workers() {
    for (SimWorker& worker : workers_) {
      if (worker.alive() && Fault("worker killed", 6)) worker.Kill();
      if (worker.alive() && Fault("worker left", 3)) {
        Send(WorkerLeft{worker.name(), worker.incarnation()});
        worker.Kill();
      }
      if (!worker.alive() && Chance(random_, 10)) worker.Start();
      if (Fault("worker paused", 5)) worker.Pause(now_ + seconds(Below(random_, 90)));
      worker.Train(now_, random_, faults_);
      if (worker.Due(now_)) Send(worker.Sync(now_, random_, faults_));
    }
  }

  SweepId AnySweep() {
    if (store_.sweeps().empty()) return 1;
    return std::next(store_.sweeps().begin(), Below(random_, store_.sweeps().size()))->first;
  }

  void People() {
    if (store_.sweeps().size() < 8 && Fault("sweep submitted", 25)) Submit();
    if (Fault("sweep cancelled", 4)) Handle(SweepCancelRequested{AnySweep()});
    if (Fault("sweep paused", 8)) Handle(SweepPauseRequested{AnySweep()});
    if (Fault("sweep resumed", 40)) Handle(SweepResumeRequested{AnySweep()});
    if (Fault("sweep retried", 10)) Handle(SweepRetryRequested{AnySweep()});
    if (Fault("expansion failed", 2)) Handle(ExpansionFailed{AnySweep(), "the model is gone"});
  }

  void Submit() {
    SweepSubmitted submitted;
    submitted.options.priority = Below(random_, 3);
    Handle(submitted);
  }

  // The grid of a sweep is a function of its number.
  std::vector<ExpandedCell> Grid(SweepId sweep) const {
    Random random(options_.seed * 1000 + sweep);
    std::vector<ExpandedCell> grid(3 + Below(random, 8));
    std::set<std::string> first_seeds;
    for (ExpandedCell& cell : grid) {
      cell.index = &cell - grid.data();
      cell.is_baseline = Chance(random, 15);
      for (int seed = 0; seed < 2; ++seed) {
        const std::string name = std::to_string(Below(random, options_.identities));
        if (seed == 0 && !first_seeds.insert(name).second) cell.alias_of = 0;
        cell.trials.push_back({Identity(name), "", 1, {}, seed});
      }
      if (cell.trials[0].identity == cell.trials[1].identity) cell.trials.pop_back();
    }
    return grid;
  }

  void Expand() {
    Commit();
    for (const auto& [id, sweep] : std::map(store_.sweeps())) {
      const bool closed =
          sweep.state == SweepState::kCancelled || sweep.state == SweepState::kFailed;
      if (closed || sweep.expanded || (faults_ && Chance(random_, 70))) continue;
      const std::vector<ExpandedCell> grid = Grid(id);
      const uint64_t first = sweep.next_index;
      const uint64_t last = std::min<uint64_t>(first + 1 + Below(random_, 3), grid.size());
      Handle(CellsExpanded{
          id, {grid.begin() + first, grid.begin() + last}, last, last == grid.size()});
      Commit();
    }
  }

  // --- laws ---

  void CheckLaws() {
    Commit();
    Break(BrokenSweepLaw(store_, scheduler_));
    if (step_ % 32 == 0) {
      const StoredState stored = store_.Read();
      Break(BrokenMemoryLaw(stored, scheduler_));
      Break(BrokenMemoryLaw(stored, Scheduler::Restore(kScheduling, stored, now_)));
    }
    Break(BrokenTrialLaw(store_, kScheduling));
    if (timers_fired_) Break(BrokenLeaseLaw(store_, kScheduling, heard_, now_));
  }

  // --- the end ---

  void Recover() {
    for (SimWorker& worker : workers_) {
      worker.Pause(Instant{});
      if (!worker.alive()) worker.Start();
    }
    for (const auto& [id, sweep] : std::map(store_.sweeps())) {
      if (sweep.state == SweepState::kPaused) Handle(SweepResumeRequested{id});
    }
  }

  bool AllOver() const {
    return batch_.empty() && std::ranges::all_of(store_.sweeps(), [](const auto& entry) {
             const SweepState state = entry.second.state;
             return state == SweepState::kSucceeded || state == SweepState::kFailed ||
                    state == SweepState::kCancelled;
           });
  }

  void CheckEnd() {
    for (const auto& [id, trial] : store_.trials()) {
      if (trial.state == TrialState::kQueued || trial.state == TrialState::kRunning) {
        Break("trial " + std::to_string(id) + " is open in the end");
      }
    }
    if (scheduler_.HasWork(now_)) Break("there is work in the end");
  }

  const SimulationOptions options_;
  Random random_;
  Instant now_{};
  bool faults_ = true;
  int step_ = 0;
  std::optional<std::string> broken_;
  std::map<std::string, int> happened_;

  StoreModel store_;
  Scheduler scheduler_;
  std::vector<Effect> batch_;
  std::vector<Answer> answers_;
  bool timers_fired_ = true;
  std::map<std::string, Instant> heard_;
  SyncOrder order_;
  std::multimap<Instant, Message> network_;
  std::vector<SimWorker> workers_;
};

}  // namespace

SimulationOutcome Simulate(const SimulationOptions& options) {
  try {
    return Simulation(options).Run();
  } catch (const std::exception& e) {  // a row that should be there is not
    return {std::string("the model does not hold what an effect names: ") + e.what(), {}};
  }
}

}  // namespace sparsweep::testing
