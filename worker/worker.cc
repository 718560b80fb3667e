#include "worker/worker.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/catalog.h"
#include "core/kept_folder.h"
#include "core/sha256.h"
#include "worker/agent.h"
#include "worker/kept_files.h"
#include "worker/link.h"
#include "worker/model_fetch.h"
#include "worker/names.h"
#include "worker/quarantine_notice.h"
#include "worker/retry.h"
#include "worker/trainers.h"

namespace sparsweep {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kProgressEvery{1000};
constexpr milliseconds kIdleHold{10'000};
constexpr milliseconds kShortest{50};  // between two Syncs that said nothing new
// How long a draining worker waits for a server that does not acknowledge.
constexpr milliseconds kFarewell{10'000};
constexpr size_t kLogTail = 64 << 10;

template <typename... F>
struct Visitor : F... {
  using F::operator()...;
};
template <typename... F>
Visitor(F...) -> Visitor<F...>;

}  // namespace

struct WorkerLoop::Impl {
  // Constant after Start.
  WorkerOptions options;
  std::string incarnation = RandomName();
  std::unique_ptr<KeptFiles> kept;

  // Of the loop thread.
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer sync_timer{io}, deadline_timer{io};
  std::unique_ptr<Agent> agent;
  std::unique_ptr<Link> link;
  std::unique_ptr<Trainers> trainers;
  std::unique_ptr<ModelFetch> models;
  nlohmann::json labels;
  int64_t memory_bytes = 0;
  std::vector<std::string> offered_devices;
  int64_t sequence = 0;  // of the newest call; answers to older ones are dropped
  bool in_flight = false, held = false, again = false, away = false, leaving = false;
  bool sync_posted = false;
  milliseconds backoff{0};
  int stale = 0;
  QuarantineNotice quarantine;
  std::optional<Clock::time_point> farewell;

  std::mutex mutex;
  std::condition_variable ended_changed;
  bool ended = false;  // guarded by mutex
  std::thread thread;

  void Say(const std::string& text) {
    if (options.say) options.say(text);
  }

  // --- what the agent wants done

  void Perform(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      std::visit(Visitor{
                     [&](const StartTrainer& a) { trainers->Start(a.slot, a.attempt); },
                     [&](const RunTrial& a) { models->Begin(a); },
                     [&](const CancelTrial& a) {
                       if (!models->Cancel(a)) trainers->Cancel(a.slot, a.attempt);
                     },
                     [&](const KillTrainer& a) {
                       models->Forget(a.slot);
                       trainers->Kill(a.slot);
                     },
                     [&](const StoreLog& a) { StoreFiles(a); },
                     [&](const DropLog& a) { trainers->TakeLog(a.attempt); },
                     [&](const SyncNow&) { PostSync(); },
                 },
                 action);
    }
    ArmDeadline();
  }

  void MakeModelFetch(const std::filesystem::path& data) {
    ModelFetch::Events events;
    events.on_ready = [this](const RunTrial& a) {
      trainers->Run(a.slot, a.attempt, a.trial_json,
                    "attempt " + AttemptText(a.attempt) + " on " + options.name + ", slot " +
                        std::to_string(a.slot));
    };
    events.on_failed = [this](int slot, const TrainerFailed& failed) {
      Perform(agent->Apply(slot, failed, Clock::now()));
    };
    models = std::make_unique<ModelFetch>(io, *link, data, std::move(events));
  }

  void MakeTrainers() {
    std::filesystem::path data = options.data_dir;
    if (data.empty()) data = Catalog::DefaultFolder();
    kept = std::make_unique<KeptFiles>(data / "cache" / "kept", incarnation);
    MakeModelFetch(data);
    std::vector<std::string> command = {options.trainer, "--threads",
                                        std::to_string(options.threads_per_slot)};
    if (!options.data_dir.empty()) command.insert(command.end(), {"--data", options.data_dir});
    command.insert(command.end(), {"--kept", kept->folder().string()});
    if (options.device != "auto") command.insert(command.end(), {"--device", options.device});
    Trainers::Events events;
    events.on_message = [this](int slot, const TrainerMessage& message) {
      if (const auto* ready = std::get_if<TrainerReady>(&message)) {
        const auto hello = nlohmann::json::parse(ready->hello, nullptr, false);
        if (hello.contains("versions")) labels["versions"] = hello["versions"];
        if (hello.contains("devices")) labels["devices"] = hello["devices"];
      }
      Perform(agent->Apply(slot, message, Clock::now()));
    };
    events.on_garbage = [this](int slot, const std::string& sentence) {
      Perform(agent->Garbage(slot, sentence, Clock::now()));
    };
    events.on_exit = [this](int slot, const TrainerExit& exit) {
      models->Forget(slot);
      Perform(agent->Exited(slot, exit, Clock::now()));
    };
    trainers = std::make_unique<Trainers>(io, options.slots, std::move(command), std::move(events));
  }

  // Brings the files of an attempt one after the other, then its log.
  void StoreFiles(StoreLog left) {
    const auto folder = KeptFolder(kept->folder(), AttemptText(left.attempt));
    if (left.files.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
      return Store(left.attempt);
    }
    const auto [name, digest] = *left.files.begin();
    const auto put = [this, digest = digest, file = folder / name](StatusCallback done) {
      link->PutFile(digest, file, std::move(done));
    };
    Retry(io, put, [this, left, name = name](const Status& status) mutable {
      if (status.ok()) {
        left.files.erase(name);
      } else {
        agent->WeightsLost(left.attempt, name +
                                             " of the weights that were to be kept could not "
                                             "be stored: " +
                                             status.message());
        left.files.clear();
      }
      StoreFiles(std::move(left));
    });
  }

  void Store(AttemptKey attempt) {
    const std::string text = trainers->TakeLog(attempt);
    if (text.empty()) {
      Perform(agent->LogStored(attempt, ""));
      return;
    }
    const std::string digest = Sha256Hex(text);
    const auto put = [this, digest, text](StatusCallback done) {
      link->PutBlob(digest, text, std::move(done));
    };
    Retry(io, put, [this, attempt, digest](const Status& status) {
      if (!status.ok()) {
        // The server will not take it: the result matters more than its log.
        Say("the log of attempt " + AttemptText(attempt) + " was refused: " + status.message());
      }
      Perform(agent->LogStored(attempt, status.ok() ? digest : ""));
    });
  }

  // --- time

  void ArmDeadline() {
    std::optional<Clock::time_point> next = agent->NextDeadline();
    if (agent->leaving() && agent->idle()) {
      if (!farewell) farewell = Clock::now() + kFarewell;
      next = std::min(next.value_or(*farewell), *farewell);
    }
    if (!next) {
      deadline_timer.cancel();
      return;
    }
    deadline_timer.expires_at(*next);
    deadline_timer.async_wait([this](boost::system::error_code error) {
      if (error) return;
      if (farewell && Clock::now() >= *farewell) {
        Say("the server did not acknowledge in time; leaving");
        End();
        return;
      }
      Perform(agent->TimePassed(Clock::now()));
    });
  }

  // --- Sync

  // From a SyncNow, so that several at once make one call. A held call is overtaken by the new
  // one; of a call that is about to be answered the end is awaited.
  void PostSync() {
    if (sync_posted) return;
    sync_posted = true;
    asio::post(io, [this] {
      sync_posted = false;
      if (backoff.count() > 0) return;  // its timer will
      again = in_flight && !held;
      if (!again) StartSync();
    });
  }

  void SyncIn(milliseconds wait) {
    sync_timer.expires_after(wait);
    sync_timer.async_wait([this](boost::system::error_code error) {
      if (!error) StartSync();
    });
  }

  void StartSync() {
    sync_timer.cancel();
    again = false;
    SyncReport report = agent->Report();
    std::map<AttemptKey, size_t> said;
    size_t room = kLogTail * 4;
    for (RunningReport& running : report.running) {
      const AttemptLog* log = trainers->FindLog(running.attempt);
      if (log == nullptr) continue;
      running.log = log->Tail(std::min(room, kLogTail));
      running.log_offset = log->offset();
      room -= running.log.size();
      said[running.attempt] = running.log.size();
    }
    // Held only where there is room for work and nothing to say; with something running, not
    // longer than its progress may wait.
    milliseconds hold{0};
    if (report.has_free_slot && report.ended.empty()) {
      hold = report.running.empty() ? kIdleHold : kProgressEvery;
    }
    leaving = agent->finished();
    if (leaving) hold = milliseconds(0);
    in_flight = true;
    held = hold.count() > 0;
    const int64_t number = ++sequence;
    const SyncCall call{options.name, incarnation,  number,          labels.dump(), hold,
                        leaving,      memory_bytes, offered_devices, options.labels};
    const Clock::time_point started = Clock::now();
    link->Sync(call, report,
               [this, number, hold, started, said,
                full = !report.has_free_slot](Result<SyncAnswer> result) {
                 if (number != sequence) return;
                 in_flight = held = false;
                 if (leaving) return End();
                 if (!result.ok()) return SyncFailed(result.status());
                 Answered(*result, said, hold, Clock::now() - started, full);
               });
  }

  void SyncFailed(const Status& status) {
    if (!away) Say("the server does not answer (" + status.message() + "); trying again");
    away = true;
    backoff = backoff.count() == 0 ? kFirstBackoff : std::min(2 * backoff, kLongestBackoff);
    SyncIn(backoff);
  }

  void Answered(const SyncAnswer& answer, const std::map<AttemptKey, size_t>& said,
                milliseconds hold, Clock::duration took, bool full) {
    if (away || sequence == 1) Say("connected");
    away = false;
    backoff = milliseconds(0);
    if (answer.stale) {
      if (++stale == 3) {
        Say("another worker is connected as \"" + options.name +
            "\"; give this one another name with --name");
      }
      SyncIn(kProgressEvery);
      return;
    }
    stale = 0;
    if (const auto notice = quarantine.Heard(answer.answer)) Say(*notice);
    agent->SyncAnswered(Clock::now());
    for (const auto& [attempt, bytes] : said) {
      if (AttemptLog* log = trainers->FindLog(attempt)) log->Sent(bytes);
    }
    const size_t before = agent->busy();
    Perform(agent->Apply(answer.answer, Clock::now()));
    if (agent->finished() || again) return StartSync();
    if (agent->has_news()) return SyncIn(kShortest);  // not acknowledged: say it again
    const bool news = agent->busy() != before || full == agent->has_free_slot();
    if (agent->has_free_slot()) {
      // A call that was held to its end, or brought something, is followed by the next at once.
      SyncIn(news || took >= hold * 9 / 10 ? milliseconds(0) : std::max(kShortest, hold / 10));
    } else {
      const milliseconds asked = answer.next_sync.count() > 0 ? answer.next_sync : kProgressEvery;
      SyncIn(std::min(asked, kProgressEvery));
    }
  }

  // --- the end

  void End() {
    sync_timer.cancel();
    deadline_timer.cancel();
    work.reset();
    io.stop();
  }

  void Run() {
    StartSync();
    io.run();
    link.reset();
    trainers.reset();  // kills and reaps them, on the thread that spawned them
    const std::lock_guard lock(mutex);
    ended = true;
    ended_changed.notify_all();
  }
};

WorkerLoop::WorkerLoop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<WorkerLoop>> WorkerLoop::Start(WorkerOptions options) {
  if (access(options.trainer.c_str(), X_OK) != 0) {
    return Status{StatusCode::kNotFound,
                  "the trainer " + options.trainer +
                      " is not there or not executable; build it or name it with --trainer"};
  }
  const Devices devices = ProbeDevices();
  if (options.slots <= 0) options.slots = DefaultSlots(devices, options.threads_per_slot);
  if (options.name.empty()) options.name = HostName() + "-" + std::to_string(getpid());

  auto impl = std::make_unique<Impl>();
  impl->labels = LabelsOf(devices, options.threads_per_slot);
  impl->memory_bytes = devices.memory_bytes;
  if (options.device != "cuda") impl->offered_devices.push_back("cpu");
  if (options.device == "cuda" || (options.device == "auto" && !devices.gpus.empty())) {
    impl->offered_devices.push_back("cuda");
  }
  const AgentOptions agent{.slots = options.slots,
                           .offline_grace = options.offline_grace,
                           .drain_grace = options.drain_grace};
  impl->agent = std::make_unique<Agent>(agent, Clock::now());
  impl->link = std::make_unique<Link>(
      impl->io, options.channel ? options.channel : MakeChannel(options.server));
  impl->options = std::move(options);
  impl->MakeTrainers();
  impl->thread = std::thread([impl = impl.get()] { impl->Run(); });
  return std::unique_ptr<WorkerLoop>(new WorkerLoop(std::move(impl)));
}

WorkerLoop::~WorkerLoop() {
  Kill();
  impl_->thread.join();
}

void WorkerLoop::Drain(milliseconds grace) {
  asio::post(impl_->io, [impl = impl_.get(), grace] {
    impl->Perform(impl->agent->Drain(grace, Clock::now()));
  });
}

void WorkerLoop::Kill() {
  asio::post(impl_->io, [impl = impl_.get()] { impl->End(); });
}

void WorkerLoop::Wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->ended_changed.wait(lock, [this] { return impl_->ended; });
}

bool WorkerLoop::WaitFor(milliseconds limit) {
  std::unique_lock lock(impl_->mutex);
  return impl_->ended_changed.wait_for(lock, limit, [this] { return impl_->ended; });
}

const std::string& WorkerLoop::name() const { return impl_->options.name; }
int WorkerLoop::slots() const { return impl_->options.slots; }

}  // namespace sparsweep
