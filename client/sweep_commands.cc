// Commands about sweeps as a whole: submit, list, status, watch.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <cstdio>
#include <ctime>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/json_output.h"
#include "client/sweep_file.h"
#include "client/table.h"
#include "client/terminal.h"
#include "proto/convert.h"

namespace sparsweep {
namespace {

std::string LocalTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  const std::time_t seconds = time.seconds();
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
  return text;
}

std::string Number(const std::string& name) { return name.substr(name.find('/') + 1); }

std::string ColoredState(v1::SweepState state) {
  const std::string text = StateText(state);
  if (state == v1::SWEEP_STATE_SUCCEEDED) return Green(text);
  if (state == v1::SWEEP_STATE_FAILED) return Red(text);
  if (state == v1::SWEEP_STATE_PAUSED || state == v1::SWEEP_STATE_CANCELLED) return Yellow(text);
  return text;
}

void PrintEvent(const v1::WatchEventsResponse& event) {
  std::string line = fmt::format("{:<9}", event.type());
  if (!event.sweep().empty()) line += " " + event.sweep();
  if (!event.trial().empty()) line += " " + event.trial();
  if (!event.worker().empty()) line += " on " + event.worker();
  if (!event.state().empty()) line += "  " + event.state();
  if (event.steps() > 0) line += fmt::format("  step {}/{}", event.step(), event.steps());
  if (!event.message().empty()) line += "  " + event.message();
  std::printf("%s\n", line.c_str());
}

// Prints events until the sweep (or the user) ends it.
int Follow(Service& service, const std::string& parent, bool json, Signals& signals) {
  grpc::ClientContext context;
  v1::WatchEventsRequest request;
  request.set_parent(parent);
  const auto stream = service.sweeps().WatchEvents(&context, request);
  std::atomic<bool> over{false};
  std::thread stopper([&] {  // a read does not end by itself
    while (!over && signals.WaitFor(std::chrono::milliseconds(100)) == 0) {
    }
    if (!over) context.TryCancel();
  });
  v1::WatchEventsResponse event;
  while (stream->Read(&event)) {
    if (json) {
      std::printf("%s\n", MessageJson(event, false).c_str());
    } else {
      PrintEvent(event);
    }
    std::fflush(stdout);
  }
  over = true;
  stopper.join();
  const grpc::Status status = stream->Finish();
  if (signals.first() != 0) return kExitInterrupted;
  return status.ok() ? kExitOk : Refuse(FromGrpc(status));
}

int ExitCodeOf(const v1::Sweep& sweep) {
  return sweep.state() == v1::SWEEP_STATE_FAILED || sweep.coverage().failed() > 0
             ? kExitTrialsFailed
             : kExitOk;
}

}  // namespace

void PrintSweep(const v1::Sweep& sweep) {
  const v1::Coverage& c = sweep.coverage();
  std::printf("%s %s (%s)  %s\n", Bold("sweep " + Number(sweep.name())).c_str(),
              sweep.display_name().c_str(), LocalTime(sweep.create_time()).c_str(),
              ColoredState(sweep.state()).c_str());
  if (!sweep.message().empty()) std::printf("  %s\n", sweep.message().c_str());
  std::printf("  cells    %lld%s\n", static_cast<long long>(c.cells()),
              c.aliases() > 0 ? fmt::format(" ({} the same as another)", c.aliases()).c_str() : "");
  std::printf(
      "  trials   %s\n",
      fmt::format("{}: {} succeeded, {} failed, {} running, {} queued{}, {} cancelled", c.trials(),
                  c.succeeded(), c.failed(), c.running(), c.queued(),
                  c.paused() > 0 ? fmt::format(" ({} paused)", c.paused()) : "", c.cancelled())
          .c_str());
  if (!sweep.waiting_for().empty()) {
    std::printf("  %s  %s\n", Yellow("waiting").c_str(), sweep.waiting_for().c_str());
  }
  if (sweep.priority() != 0 || sweep.weight() != 1 || sweep.max_running() != 0) {
    std::printf("  order    %s\n",
                fmt::format("priority {}, weight {:g}, {}", sweep.priority(), sweep.weight(),
                            sweep.max_running() > 0
                                ? fmt::format("at most {} at once", sweep.max_running())
                                : "no limit")
                    .c_str());
  }
  if (sweep.trials_per_minute() > 0) {
    std::printf("  rate     %.1f trials/min\n", sweep.trials_per_minute());
  }
  if (sweep.seconds_left() > 0) {
    std::printf("  left     %s\n", Seconds(sweep.seconds_left()).c_str());
  }
}

int Submit(const Options& options, Signals& signals) {
  const Result<SweepSpec> spec = LoadSweepFile(options.subject);
  if (!spec.ok()) return Refuse(spec.status());
  auto service = Service::Open(options.address(), Service::Access::kWrite);
  if (!service.ok()) return Refuse(service.status());
  v1::CreateSweepRequest request;
  *request.mutable_spec() = SweepSpecToProto(*spec);
  request.set_request_id(options.request_id);
  Result<v1::Sweep> sweep =
      Call((*service)->sweeps(), &v1::SweepService::Stub::CreateSweep, request);
  if (!sweep.ok()) return Refuse(sweep.status());
  if (options.json) {
    PrintJson(*sweep);
  } else {
    std::printf("%s\n", sweep->name().c_str());
    std::fprintf(stderr, "follow it with \"sparsweep watch %s\"\n", Number(sweep->name()).c_str());
  }
  if (!options.wait) return kExitOk;
  if (const int code = Follow(**service, sweep->name(), options.json, signals); code != kExitOk) {
    return code;
  }
  v1::GetSweepRequest get;
  get.set_name(sweep->name());
  sweep = Call((*service)->sweeps(), &v1::SweepService::Stub::GetSweep, get);
  return sweep.ok() ? ExitCodeOf(*sweep) : Refuse(sweep.status());
}

int List(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  v1::ListSweepsRequest request;
  request.set_page_size(options.limit);
  const Result<v1::ListSweepsResponse> answer =
      Call((*service)->sweeps(), &v1::SweepService::Stub::ListSweeps, request);
  if (!answer.ok()) return Refuse(answer.status());
  if (options.json) {
    PrintJson(*answer);
    return kExitOk;
  }
  Table table;
  table.Column("sweep", Table::Align::kRight);
  table.Column("name");
  table.Column("state");
  table.Column("done", Table::Align::kRight);
  table.Column("trials", Table::Align::kRight);
  table.Column("failed", Table::Align::kRight);
  table.Column("submitted");
  for (const v1::Sweep& sweep : answer->sweeps()) {
    const v1::Coverage& c = sweep.coverage();
    table.Row({Number(sweep.name()), sweep.display_name(), StateText(sweep.state()),
               std::to_string(c.succeeded() + c.failed() + c.cancelled()),
               std::to_string(c.trials()), std::to_string(c.failed()),
               LocalTime(sweep.create_time())});
  }
  std::fputs(options.csv ? table.Csv().c_str() : table.Text(TheTerminal().width).c_str(), stdout);
  if (!answer->next_page_token().empty()) {
    std::fprintf(stderr, "there are older ones; pass --limit for more\n");
  }
  return kExitOk;
}

int ShowStatus(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  const Result<std::string> name = FindSweep(**service, options.subject);
  if (!name.ok()) return Refuse(name.status());
  v1::GetSweepRequest request;
  request.set_name(*name);
  const Result<v1::Sweep> sweep =
      Call((*service)->sweeps(), &v1::SweepService::Stub::GetSweep, request);
  if (!sweep.ok()) return Refuse(sweep.status());
  if (options.json) {
    PrintJson(*sweep);
    return kExitOk;
  }
  PrintSweep(*sweep);
  const Result<v1::ListWorkersResponse> workers =
      Call((*service)->workers(), &v1::WorkerService::Stub::ListWorkers, v1::ListWorkersRequest());
  if (!workers.ok() || workers->workers().empty()) return kExitOk;
  std::printf("\n");
  Table table;
  table.Column("worker");
  table.Column("state");
  table.Column("busy", Table::Align::kRight);
  table.Column("slots", Table::Align::kRight);
  table.Column("runs");
  for (const v1::Worker& worker : workers->workers()) {
    std::string runs;
    for (const v1::WorkerTask& task : worker.tasks()) {
      runs += fmt::format("{}{} ({}/{})", runs.empty() ? "" : ", ", Number(task.trial()),
                          task.step(), task.steps());
    }
    table.Row({worker.name(), worker.state(), std::to_string(worker.busy()),
               std::to_string(worker.slots()), runs});
  }
  std::fputs(table.Text(TheTerminal().width).c_str(), stdout);
  return kExitOk;
}

int Watch(const Options& options, Signals& signals) {
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  const Result<std::string> name = FindSweep(**service, options.subject);
  if (!name.ok()) return Refuse(name.status());
  return Follow(**service, *name, options.json, signals);
}

}  // namespace sparsweep
