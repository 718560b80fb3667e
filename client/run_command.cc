// `sparsweep run`: server, worker and trainers for one sweep, in one command (contracts.md).
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/sweep_file.h"
#include "client/terminal.h"
#include "client/text_masks.h"
#include "core/sha256.h"
#include "proto/convert.h"
#include "server/server.h"
#include "worker/worker.h"

namespace sparsweep {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Whether one may listen there; only asked for the default address, where another port will do.
bool IsFree(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free =
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(fd, 1) == 0;
  close(fd);
  return free;
}

// The sweep of one cell: its axes fixed to the cell's values. Its trials are the cell's, because
// trials are named by what they compute.
Result<SweepSpec> OnlyCell(Service& service, const SweepSpec& spec, uint64_t index) {
  v1::PreviewSweepRequest request;
  *request.mutable_spec() = SweepSpecToProto(spec);
  request.set_max_cells(100'000);
  const Result<v1::PreviewSweepResponse> preview =
      Call(service.sweeps(), &v1::SweepService::Stub::PreviewSweep, request);
  if (!preview.ok()) return preview.status();
  for (const v1::PreviewCell& cell : preview->previews()) {
    if (cell.cell() != static_cast<int64_t>(index)) continue;
    SweepSpec only = spec;
    only.name += fmt::format(" (cell {})", index);
    only.where.clear();
    only.baseline = "none";
    only.axes.clear();
    for (const Axis& axis : spec.axes) {
      const auto value = cell.axes().fields().find(axis.name);
      // An added baseline has no value of the axes that only spell its attention.
      if (value == cell.axes().fields().end() || value->second.has_null_value()) continue;
      for (const AxisValue& candidate : axis.values) {
        if (AxisValueText(candidate) == ValueText(value->second)) {
          only.axes.push_back({axis.name, {candidate}});
        }
      }
    }
    if (only.axes.size() < spec.axes.size()) only.attention = cell.attention();
    return only;
  }
  return Status{
      StatusCode::kNotFound,
      fmt::format("the sweep has no cell {}; \"sparsweep preview\" lists its cells", index)};
}

// Repeating the request finds the sweep again, so that the same file goes on where it stopped. A
// cancelled one stays cancelled: then the next number is a new sweep, which takes over its results.
Result<v1::Sweep> FindOrCreate(Service& service, const SweepSpec& spec) {
  const std::string digest = Sha256Hex(SweepSpecToJson(spec));
  Result<v1::Sweep> sweep = v1::Sweep();
  for (int number = 1; number < 1000; ++number) {
    v1::CreateSweepRequest request;
    *request.mutable_spec() = SweepSpecToProto(spec);
    request.set_request_id(
        fmt::format("run-{}{}", digest, number == 1 ? "" : fmt::format("-{}", number)));
    sweep = Call(service.sweeps(), &v1::SweepService::Stub::CreateSweep, request);
    if (!sweep.ok() || sweep->state() != v1::SWEEP_STATE_CANCELLED) break;
  }
  return sweep;
}

bool Ended(const v1::Sweep& sweep) {
  return sweep.state() == v1::SWEEP_STATE_SUCCEEDED || sweep.state() == v1::SWEEP_STATE_FAILED ||
         sweep.state() == v1::SWEEP_STATE_CANCELLED;
}

// The progress line: rewritten in place on a terminal, a new line now and then elsewhere.
class ProgressPrinter {
 public:
  void Show(const v1::Sweep& sweep, bool last) {
    const v1::Coverage& c = sweep.coverage();
    Progress progress;
    progress.trials = c.trials();
    progress.succeeded = c.succeeded();
    progress.failed = c.failed();
    progress.running = c.running();
    progress.cancelled = c.cancelled();
    progress.seconds_left = sweep.seconds_left();
    progress.expanding = sweep.state() == v1::SWEEP_STATE_EXPANDING;
    const int64_t finished = c.succeeded() + c.failed();
    if (first_ < 0) first_ = finished;
    // The server counts the last minute; before the first is over that would be too few.
    const double minutes = std::chrono::duration<double>(Clock::now() - began_).count() / 60;
    progress.per_minute = minutes >= 1  ? sweep.trials_per_minute()
                          : minutes > 0 ? static_cast<double>(finished - first_) / minutes
                                        : 0;
    if (TheTerminal().err_is_terminal) {
      const int width = TheTerminal().width > 0 ? TheTerminal().width : 80;
      std::fprintf(stderr, "\r\x1b[K%s%s", ProgressLine(progress, width).c_str(), last ? "\n" : "");
      std::fflush(stderr);
      return;
    }
    const int64_t done = c.succeeded() + c.failed() + c.cancelled();
    const auto now = Clock::now();
    const auto since = now - printed_at_;
    if (!last && !(done != printed_ && since > std::chrono::seconds(2)) &&
        since < std::chrono::seconds(30)) {
      return;
    }
    if (last && done == printed_) return;
    std::fprintf(stderr, "%s\n", ProgressLine(progress, 0).c_str());
    printed_ = done;
    printed_at_ = now;
  }

 private:
  const Clock::time_point began_ = Clock::now();
  int64_t first_ = -1;  // trials that were finished when it began
  int64_t printed_ = -1;
  Clock::time_point printed_at_ = Clock::now();
};

// Polls until the sweep has ended or a signal came.
Result<v1::Sweep> Follow(Service& service, v1::Sweep sweep, Signals& signals) {
  ProgressPrinter printer;
  v1::GetSweepRequest request;
  request.set_name(sweep.name());
  while (!Ended(sweep) && signals.first() == 0) {
    printer.Show(sweep, false);
    signals.WaitFor(milliseconds(200));
    Result<v1::Sweep> now = Call(service.sweeps(), &v1::SweepService::Stub::GetSweep, request);
    if (!now.ok()) return now;
    sweep = std::move(now).value();
  }
  printer.Show(sweep, true);
  return sweep;
}

}  // namespace

int RunSweep(const Options& options, Signals& signals) {
  Result<SweepSpec> spec = LoadSweepFile(options.subject);
  if (!spec.ok()) return Refuse(spec.status());

  ServerOptions server_options;
  server_options.db = options.db.empty() ? kDefaultDb : options.db;
  server_options.data_dir = options.data;
  server_options.grpc_listen = options.listen.empty() ? "127.0.0.1:0" : options.listen;
  server_options.http_listen = !options.http.empty() ? options.http
                               : IsFree(7071)        ? kDefaultHttp
                                                     : "127.0.0.1:0";
  server_options.web_dir = WebFolder(options);
  server_options.insecure = options.insecure;
  const std::string trainer = options.trainer.empty() ? DefaultTrainer() : options.trainer;
  server_options.text_masker = MakeTextMasker(trainer, options.data);
  Result<std::unique_ptr<Server>> server = Server::Start(server_options);
  if (!server.ok()) return Refuse(server.status());
  if (Status status = (*server)->Restored(); !status.ok()) {
    return Refuse({status.code(), server_options.db + ": " + status.message()});
  }
  Service service((*server)->InProcessChannel());

  const auto refuse = [&](const Status& status) {
    return Refuse({status.code(), options.subject + ": " + status.message(), status.fields()});
  };
  if (options.only_cell) {
    spec = OnlyCell(service, *spec, *options.only_cell);
    if (!spec.ok()) return refuse(spec.status());
  }
  Result<v1::Sweep> sweep = FindOrCreate(service, *spec);
  if (!sweep.ok()) return refuse(sweep.status());
  if (sweep->state() == v1::SWEEP_STATE_PAUSED) {
    v1::ResumeSweepRequest request;
    request.set_name(sweep->name());
    sweep = Call(service.sweeps(), &v1::SweepService::Stub::ResumeSweep, request);
    if (!sweep.ok()) return Refuse(sweep.status());
  }
  if (options.retry_failed && sweep->coverage().failed() > 0) {
    v1::RetrySweepRequest request;
    request.set_name(sweep->name());
    sweep = Call(service.sweeps(), &v1::SweepService::Stub::RetrySweep, request);
    if (!sweep.ok()) return Refuse(sweep.status());
  }

  std::printf("%s  %s in %s\n", Bold(sweep->display_name()).c_str(), sweep->name().c_str(),
              server_options.db.c_str());
  if ((*server)->ports().http != 0) {
    std::printf("dashboard  http://127.0.0.1:%u/\n", (*server)->ports().http);
  }
  const int64_t before = sweep->coverage().succeeded() + sweep->coverage().failed();
  if (before > 0) {
    std::printf("%lld of %lld trials were finished before\n", static_cast<long long>(before),
                static_cast<long long>(sweep->coverage().trials()));
  }
  std::fflush(stdout);

  const Clock::time_point started = Clock::now();
  std::unique_ptr<WorkerLoop> worker;
  if (!Ended(*sweep)) {
    WorkerOptions worker_options;
    worker_options.channel = (*server)->InProcessChannel();
    worker_options.name = options.name.empty() ? "run" : options.name;
    worker_options.slots = options.slots;
    worker_options.threads_per_slot = options.threads_per_slot;
    worker_options.data_dir = options.data;
    worker_options.trainer = trainer;
    worker_options.device = options.device;
    Result<std::unique_ptr<WorkerLoop>> made = WorkerLoop::Start(std::move(worker_options));
    if (!made.ok()) return Refuse(made.status());
    worker = std::move(made).value();
  }
  sweep = Follow(service, *sweep, signals);
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  if (!sweep.ok()) return Refuse(sweep.status());

  const bool interrupted = !Ended(*sweep);
  if (worker) {
    if (interrupted) std::fprintf(stderr, "stopping; once more Ctrl-C ends at once\n");
    worker->Drain(milliseconds(0));
    worker->WaitFor(std::chrono::seconds(20));
    worker.reset();
  }
  const v1::Coverage& c = sweep->coverage();
  if (interrupted) {
    (*server)->Stop(std::chrono::seconds(2));
    std::fprintf(
        stderr, "stopped with %lld of %lld trials done; the same command goes on from here\n",
        static_cast<long long>(c.succeeded() + c.failed()), static_cast<long long>(c.trials()));
    return kExitInterrupted;
  }
  std::printf("\n");
  const Status printed = PrintResults(service, sweep->name());
  if (!printed.ok()) return Refuse(printed);
  const int64_t now_done = c.succeeded() + c.failed() - before;
  const std::string now = before > 0 ? fmt::format("; {} of them now", now_done) : "";
  std::printf("\n%s\n", fmt::format("{} trials: {} succeeded, {} failed{}, in {}", c.trials(),
                                    c.succeeded(), c.failed(), now, Seconds(seconds))
                            .c_str());
  if (!sweep->message().empty() && c.failed() == 0) std::printf("%s\n", sweep->message().c_str());
  if (options.keep_serving) {
    std::printf("serving until Ctrl-C\n");
    std::fflush(stdout);
    signals.Wait();
  } else {
    std::printf("look again: sparsweep server --db %s\n", server_options.db.c_str());
  }
  (*server)->Stop(std::chrono::seconds(2));
  return c.failed() > 0 || sweep->state() != v1::SWEEP_STATE_SUCCEEDED ? kExitTrialsFailed
                                                                       : kExitOk;
}

}  // namespace sparsweep
