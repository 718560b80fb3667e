// The cluster in virtual time.
#include "tests/scheduler/simulation/simulation.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <variant>
#include <vector>

#include "tests/scheduler/environment.h"
#include "tests/scheduler/simulation/happenings.h"
#include "tests/scheduler/simulation/laws.h"
#include "tests/scheduler/simulation/order_laws.h"
#include "tests/scheduler/simulation/people.h"
#include "tests/scheduler/simulation/sim_worker.h"
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
      workers_.emplace_back("w" + std::to_string(i), 1 + Below(random_, 3), OfferOf(i));
    }
  }

  SimulationOutcome Run() {
    faults_ = false;  // the first sweep is there before anything happens
    Handle(SweepSubmitted{});
    Expand();
    faults_ = true;
    for (int i = 0; i < options_.steps && !broken_; ++i) Step();
    faults_ = false;
    Recover();
    for (int i = 0; i < 3000 && !broken_ && !AllOver(); ++i) Step();
    if (!broken_ && !AllOver()) Break("something starves: not everything has finished");
    if (!broken_) CheckEnd();
    return {broken_, happened_, encounters_, store_.next_trial() - 1};
  }

 private:
  static constexpr SchedulerOptions kScheduling{
      .quarantine_after = 3, .quarantine = minutes(3), .min_failed = 2, .tidied_at_once = 2};

  bool Fault(const char* name, int per_thousand) {
    if (!faults_ || Below(random_, 1000) >= per_thousand) return false;
    encounters_.Count(name);
    return true;
  }
  void Break(const Law& law) {
    if (law && !broken_) broken_ = *law + " (step " + std::to_string(step_) + ")";
  }

  void Step() {
    ++step_;
    now_ += milliseconds(Below(random_, 2500));
    if (Fault("clock jump", 5)) now_ += seconds(Below(random_, 90));
    Disk();
    FireTimers();
    Workers();
    Deliver();
    if (faults_ && Chance(random_, 15)) People();
    Expand();
    if (Fault("server killed", 10)) Kill();
    CheckLaws();
  }

  // --- the server ---

  // Whether it was done. A server that cannot write takes nothing.
  bool Handle(Event event, std::optional<Answer> answer = {}) {
    if (disk_full_) return false;
    std::optional<WorkerSynced> sync;
    if (const auto* s = std::get_if<WorkerSynced>(&event)) sync = *s;
    std::map<SweepId, Coverage> before;
    if (sync || std::holds_alternative<TimePassed>(event)) before = LedgerOf(store_, scheduler_);
    if (sync) absences_.Before(*sync);
    auto effects = scheduler_.Apply(std::move(event), now_);
    if (!effects.ok()) {
      ++happened_["refused request"];
      return false;
    }
    if (sync) Break(order_.Broken(*sync, *effects));
    if (sync) Break(absences_.Broken(*sync, *effects));
    if (batch_.empty()) Break(BrokenQuarantineLaw(store_, *effects));
    if (sync) NoteProgress(*sync, *effects, now_, progress_);
    absences_.Note(*effects);
    order_.Note(*effects);
    Break(BrokenShareLaw(store_, kScheduling, before, scheduler_));
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
    return true;
  }

  void Commit() {
    if (batch_.empty() && answers_.empty()) return;
    const bool killed = Fault("killed before commit", 10);
    const bool full = Fault("disk full", 5);
    if (killed || full || Fault("commit failed", 20)) {
      if (options_.mirror != nullptr) {
        const auto how = full     ? Mirror::Failure::kDiskFull
                         : killed ? Mirror::Failure::kKilled
                                  : Mirror::Failure::kCommitFailed;
        Break(options_.mirror->Fail(batch_, how, now_));
        if (full && killed) Break(options_.mirror->Kill());
        undecided_ = batch_;
      }
      const auto answers = std::exchange(answers_, {});
      if (full) disk_full_ = now_ + seconds(Below(random_, 60));
      RestartServer(killed);
      if (options_.tell_before_commit) Tell(answers);
      return;
    }
    Become(batch_);
    undecided_.clear();
    if (options_.mirror != nullptr) Break(options_.mirror->Commit(batch_, now_));
    batch_.clear();
    const auto answers = std::exchange(answers_, {});
    if (Fault("killed after commit", 10)) return Kill();
    Tell(answers);
  }

  void Become(const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) {
      Note(effect);
      Break(store_.Commit({effect}));
    }
  }

  // An effect about to be written.
  void Note(const Effect& effect) {
    if (const auto happening = HappeningOf(effect)) ++happened_[*happening];
    turns_.Note(effect);
    const auto* leased = std::get_if<AttemptLeased>(&effect);
    if (leased == nullptr) return;
    Break(BrokenGrantLaw(store_, *leased));
    Break(BrokenOrderLaw(store_, *leased));
    Break(turns_.Broken(store_, *leased));
    progress_[leased->attempt] = {now_, 0};
    started_.try_emplace(leased->attempt, now_);
  }

  void Kill() {
    if (options_.mirror != nullptr) Break(options_.mirror->Kill());
    RestartServer(true);
  }

  // A process that was killed while its disk was full may have written the batch whole, and could
  // not know: the next one finds it. Nobody was told either way.
  void Decide(const StoredState& found) {
    const auto is = [&](const StoreModel& store) {
      return !BrokenMemoryLaw(found, Scheduler::Restore(kScheduling, store.Read(), now_));
    };
    if (undecided_.empty() || is(store_)) return;
    StoreModel with = store_;
    Break(with.Commit(undecided_));
    if (!is(with)) return;
    encounters_.Count("lost commit found again");
    Become(std::exchange(undecided_, {}));
  }

  // Killed, or a commit failed: what is not on disk is gone, and nobody was told.
  void RestartServer(bool killed) {
    ++restarts_;
    if (batch_.empty()) Break(BrokenMemoryLaw(store_.Read(), scheduler_));
    batch_.clear();
    answers_.clear();
    if (killed && options_.mirror != nullptr) Decide(options_.mirror->Read(now_));
    StoredState stored = store_.Read();
    if (options_.mirror != nullptr) {
      const StoredState mirrored = options_.mirror->Read(now_);
      Break(BrokenMemoryLaw(mirrored, Scheduler::Restore(kScheduling, stored, now_)));
      stored = mirrored;
    }
    Forget(options_, stored);
    CountRunningTime(now_, started_, stored);
    scheduler_ = Scheduler::Restore(kScheduling, stored, now_);
    Break(BrokenMemoryLaw(store_.Read(), scheduler_));
    for (auto& [worker, heard] : heard_) heard = now_;
    for (auto& [attempt, progress] : progress_) progress = {now_, 0};
    order_.Forget();
    turns_.Forget();
    absences_.Restart(store_);
  }

  void Disk() {
    if (!disk_full_ || (faults_ && now_ < *disk_full_)) return;
    disk_full_.reset();
    if (options_.mirror != nullptr) Break(options_.mirror->Mend());
    undecided_.clear();
    RestartServer(false);
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
    timers_fired_ = !disk_full_ && (!due || *due > now_);
    if (timers_fired_ || disk_full_ || Fault("late timer", 200)) return;
    Handle(TimePassed{});
    timers_fired_ = !disk_full_;
  }

  // --- the network ---

  void Send(Message message) {
    if (Fault("message dropped", 60)) return;
    if (Fault("message doubled", 60)) Post(message);
    Post(std::move(message));
  }
  void Post(Message message) {
    int delay = Below(random_, 200);
    if (Fault("message delayed", 40)) delay += Below(random_, 60000);
    if (Fault("message overtaken", 40)) delay += 5000 + Below(random_, 10000);
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
        if (!disk_full_) heard_[sync->worker] = now_;
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

  // A request made a second time changes nothing more.
  void People() {
    const auto [name, event] = RandomRequest(store_, random_);
    const bool submits = std::holds_alternative<SweepSubmitted>(event);
    if (submits && store_.sweeps().size() >= 6) return;
    encounters_.Count(name);
    const int restarts = restarts_;
    if (!Handle(event) || submits || !batch_.empty() || restarts_ != restarts) return;
    const auto again = scheduler_.Apply(event, now_);
    if (again.ok() && !again->empty()) Break(name + " twice changes something the second time");
  }

  void Expand() {
    Commit();
    if (disk_full_) return;
    std::vector<SweepId> expanding;
    for (const auto& [id, sweep] : store_.sweeps()) {
      if (!sweep.closed && !sweep.expanded) expanding.push_back(id);
    }
    for (const SweepId id : expanding) {
      if (!store_.sweeps().contains(id)) continue;
      const StoreModel::Sweep& sweep = store_.sweeps().at(id);
      if (sweep.closed || sweep.expanded || (faults_ && Chance(random_, 70))) continue;
      const std::vector<ExpandedCell> grid = GridOf(options_.seed, id, options_.identities);
      const uint64_t first = sweep.next_index;
      const uint64_t chunk = faults_ ? 1 + Below(random_, 3) : grid.size();
      const uint64_t last = std::min<uint64_t>(first + chunk, grid.size());
      Handle(CellsExpanded{
          id, {grid.begin() + first, grid.begin() + last}, last, last == grid.size()});
      Commit();
    }
  }

  // --- laws ---

  void CheckLaws() {
    Commit();
    encounters_.Look(store_);
    Break(BrokenSweepLaw(store_, scheduler_));
    Break(BrokenWaitingLaw(store_));
    if (step_ % 32 == 0) {
      const StoredState stored = store_.Read();
      Break(BrokenMemoryLaw(stored, scheduler_));
      Break(BrokenMemoryLaw(stored, Scheduler::Restore(kScheduling, stored, now_)));
      if (options_.mirror != nullptr) {
        Break(BrokenMemoryLaw(options_.mirror->Read(now_), scheduler_));
        Break(options_.mirror->Compare(store_));
      }
    }
    Break(BrokenTrialLaw(store_, kScheduling));
    // A request after the timers may have made something due that fires with the next ones.
    const auto due = scheduler_.NextDeadline();
    const bool fired = timers_fired_ && (!due || *due > now_);
    if (fired) Break(BrokenLeaseLaw(store_, kScheduling, heard_, started_, progress_, now_));
  }

  // --- the end ---

  void Recover() {
    Disk();
    for (SimWorker& worker : workers_) {
      worker.Pause(Instant{});
      if (!worker.alive()) worker.Start();
      worker.Mend(now_);
      Handle(WorkerDrainRequested{worker.name(), false});
    }
    const auto sweeps = store_.sweeps();
    for (const auto& [id, sweep] : sweeps) {
      if (sweep.options.needs.device != kNowhere) Handle(SweepResumeRequested{id});
    }
    for (const auto& [id, sweep] : sweeps) {
      if (sweep.options.needs.device == kNowhere) Handle(SweepCancelRequested{id});
    }
  }

  bool AllOver() const {
    return batch_.empty() && scheduler_.NextDeadline() != Instant{} && AllSweepsOver(store_);
  }

  void CheckEnd() {
    Break(OpenTrial(store_));
    if (scheduler_.HasWork(now_)) Break("there is work in the end");
    if (options_.mirror != nullptr) Break(options_.mirror->Compare(store_));
  }

  const SimulationOptions options_;
  Random random_;
  Instant now_{};
  bool faults_ = true;
  int step_ = 0;
  std::optional<std::string> broken_;
  std::map<std::string, int> happened_;
  Encounters encounters_;

  StoreModel store_;
  Scheduler scheduler_;
  std::vector<Effect> batch_;
  std::vector<Effect> undecided_;  // whose commit failed, on the mirror
  std::vector<Answer> answers_;
  bool timers_fired_ = true;
  int restarts_ = 0;
  std::optional<Instant> disk_full_;  // until then
  std::map<AttemptId, Instant> started_;
  std::map<AttemptId, LastStep> progress_;
  Absences absences_;
  std::map<std::string, Instant> heard_;
  SyncOrder order_;
  Turns turns_;
  std::multimap<Instant, Message> network_;
  std::vector<SimWorker> workers_;
};

}  // namespace

SimulationOutcome Simulate(const SimulationOptions& options) {
  try {
    return Simulation(options).Run();
  } catch (const std::exception& e) {  // a row that should be there is not
    return {std::string("the model does not hold what an effect names: ") + e.what(), {}, {}, 0};
  }
}

}  // namespace sparsweep::testing
