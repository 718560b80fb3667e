// Commands that change what is under way: pause, resume, cancel, retry, update, delete, drain, backup.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <type_traits>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/json_output.h"
#include "client/terminal.h"

namespace sparsweep {
namespace {

int Print(const Options& options, const Result<v1::Sweep>& sweep) {
  if (!sweep.ok()) return Refuse(sweep.status());
  if (options.json) {
    PrintJson(*sweep);
  } else {
    PrintSweep(*sweep);
  }
  return kExitOk;
}

template <typename Request>
using SweepMethod = grpc::Status (v1::SweepService::Stub::*)(grpc::ClientContext*, const Request&,
                                                             v1::Sweep*);
template <typename Request>
using TrialMethod = grpc::Status (v1::TrialService::Stub::*)(grpc::ClientContext*, const Request&,
                                                             v1::Trial*);

// `change` sets what else the request says.
template <typename SweepRequest, typename TrialRequest, typename Change>
int ChangeWith(const Options& options, SweepMethod<SweepRequest> of_sweep,
               TrialMethod<TrialRequest> of_trial, Change change) {
  auto service = Service::Open(options.address(), Service::Access::kWrite);
  if (!service.ok()) return Refuse(service.status());
  if (options.subject.starts_with("trials/")) {
    if (!options.cells.empty() || !options.trials.empty() || !options.etag.empty() ||
        !options.reasons.empty()) {
      return Refuse(InvalidArgument("--cell, --trial, --reason and --etag are of a sweep; " +
                                    options.subject + " is one trial"));
    }
    TrialRequest request;
    request.set_name(options.subject);
    request.set_request_id(options.request_id);
    const Result<v1::Trial> trial = Call((*service)->trials(), of_trial, request);
    if (!trial.ok()) return Refuse(trial.status());
    if (options.json) {
      PrintJson(*trial);
    } else {
      const std::string paused = trial->paused_by().empty()
                                     ? ""
                                     : fmt::format(" (paused in {})",
                                                   fmt::join(trial->paused_by(), ", "));
      std::printf("%s  %s%s\n", trial->name().c_str(),
                  StateText(v1::TrialState_Name(trial->state())).c_str(), paused.c_str());
    }
    return kExitOk;
  }
  const Result<std::string> name = FindSweep(**service, options.subject);
  if (!name.ok()) return Refuse(name.status());
  SweepRequest request;
  request.set_name(*name);
  request.set_request_id(options.request_id);
  request.set_etag(options.etag);
  for (const int64_t cell : options.cells) request.add_cells(cell);
  for (const int64_t trial : options.trials) {
    request.add_trials("trials/" + std::to_string(trial));
  }
  change(&request);
  const Result<v1::Sweep> sweep = Call((*service)->sweeps(), of_sweep, request);
  const int code = Print(options, sweep);
  if constexpr (std::is_same_v<SweepRequest, v1::RetrySweepRequest>) {
    if (sweep.ok() && sweep->coverage().queued() + sweep->coverage().running() == 0) {
      std::fprintf(stderr, "nothing to retry: no failed trial of it is meant\n");
    }
  }
  return code;
}

}  // namespace

bool Agreed(const Options& options, const std::string& what) {
  if (options.yes) return true;
  if (!TheTerminal().err_is_terminal) return false;
  std::fprintf(stderr, "%s Go on? [y/N] ", what.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

int Cancel(const Options& options) {
  return ChangeWith<v1::CancelSweepRequest, v1::CancelTrialRequest>(
      options, &v1::SweepService::Stub::CancelSweep, &v1::TrialService::Stub::CancelTrial,
      [](auto*) {});
}
int Pause(const Options& options) {
  return ChangeWith<v1::PauseSweepRequest, v1::PauseTrialRequest>(
      options, &v1::SweepService::Stub::PauseSweep, &v1::TrialService::Stub::PauseTrial,
      [](auto*) {});
}
int Resume(const Options& options) {
  return ChangeWith<v1::ResumeSweepRequest, v1::ResumeTrialRequest>(
      options, &v1::SweepService::Stub::ResumeSweep, &v1::TrialService::Stub::ResumeTrial,
      [](auto*) {});
}
int Retry(const Options& options) {
  return ChangeWith<v1::RetrySweepRequest, v1::RetryTrialRequest>(
      options, &v1::SweepService::Stub::RetrySweep, &v1::TrialService::Stub::RetryTrial,
      [&](v1::RetrySweepRequest* request) {
        for (const std::string& reason : options.reasons) request->add_reasons(reason);
      });
}

int Update(const Options& options) {
  v1::UpdateSweepRequest request;
  v1::Sweep* sweep = request.mutable_sweep();
  if (options.priority) {
    sweep->set_priority(*options.priority);
    request.mutable_update_mask()->add_paths("priority");
  }
  if (options.weight) {
    sweep->set_weight(*options.weight);
    request.mutable_update_mask()->add_paths("weight");
  }
  if (options.max_running) {
    sweep->set_max_running(*options.max_running);
    request.mutable_update_mask()->add_paths("max_running");
  }
  if (request.update_mask().paths().empty()) {
    return Refuse(InvalidArgument("say what to change: --priority, --weight or --max-running"));
  }
  auto service = Service::Open(options.address(), Service::Access::kWrite);
  if (!service.ok()) return Refuse(service.status());
  const Result<std::string> name = FindSweep(**service, options.subject);
  if (!name.ok()) return Refuse(name.status());
  sweep->set_name(*name);
  sweep->set_etag(options.etag);
  request.set_request_id(options.request_id);
  return Print(options,
               Call((*service)->sweeps(), &v1::SweepService::Stub::UpdateSweep, request));
}

int Delete(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kWrite);
  if (!service.ok()) return Refuse(service.status());
  const Result<std::string> name = FindSweep(**service, options.subject);
  if (!name.ok()) return Refuse(name.status());
  if (!options.yes) {  // a repeated request finds no sweep any more, and is answered all the same
    v1::GetSweepRequest get;
    get.set_name(*name);
    const auto sweep = Call((*service)->sweeps(), &v1::SweepService::Stub::GetSweep, get);
    if (!sweep.ok()) return Refuse(sweep.status());
    const std::string what =
        fmt::format("{} \"{}\" has {} trials, {} with a result; those that no other sweep holds "
                    "are deleted.",
                    *name, sweep->display_name(), sweep->coverage().trials(),
                    sweep->coverage().succeeded());
    if (!Agreed(options, what)) {
      return Refuse(Status(StatusCode::kFailedPrecondition, what + " Repeat it with --yes"));
    }
  }
  v1::DeleteSweepRequest request;
  request.set_name(*name);
  request.set_request_id(options.request_id);
  request.set_etag(options.etag);
  const auto deleted =
      Call((*service)->sweeps(), &v1::SweepService::Stub::DeleteSweep, request);
  if (!deleted.ok()) return Refuse(deleted.status());
  std::printf("%s is deleted\n", name->c_str());
  return kExitOk;
}

int Drain(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kWrite);
  if (!service.ok()) return Refuse(service.status());
  v1::DrainWorkerRequest request;
  request.set_name(options.subject);
  request.set_undo(options.undo);
  request.set_request_id(options.request_id);
  const Result<v1::Worker> worker =
      Call((*service)->workers(), &v1::WorkerService::Stub::DrainWorker, request);
  if (!worker.ok()) return Refuse(worker.status());
  if (options.json) {
    PrintJson(*worker);
  } else if (options.undo) {  // its state follows with its next report
    std::printf("%s  is taken back into service\n", worker->name().c_str());
  } else {
    std::printf("%s  %s, %d of %d slots busy\n", worker->name().c_str(), worker->state().c_str(),
                worker->busy(), worker->slots());
  }
  return kExitOk;
}

int BackUp(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  v1::BackUpDatabaseRequest request;
  request.set_path(options.server.empty() ? std::filesystem::absolute(options.subject).string()
                                          : options.subject);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(6));
  v1::BackUpDatabaseResponse backup;
  const grpc::Status status = (*service)->database().BackUpDatabase(&context, request, &backup);
  if (!status.ok()) return Refuse(FromGrpc(status));
  if (options.json) {
    PrintJson(backup);
  } else {
    std::printf("%s: %s bytes, %s files of blobs, checked and on disk\n", backup.path().c_str(),
                std::to_string(backup.size()).c_str(), std::to_string(backup.blobs()).c_str());
  }
  return kExitOk;
}

}  // namespace sparsweep
