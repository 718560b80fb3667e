// Commands about one trial: show, logs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/json_output.h"
#include "client/table.h"
#include "client/terminal.h"

namespace sparsweep {
namespace {

// Fields of the trial's result that one wants to see at once; all of them are in --json.
void PrintOutcome(const google::protobuf::Struct& result) {
  for (const char* name :
       {"metric", "value", "density", "load_seconds", "tokenize_seconds", "plan_seconds",
        "attest_seconds", "plan_wait_seconds", "train_seconds", "eval_seconds", "peak_bytes",
        "parsed_share", "steps", "device", "threads", "attestation_root"}) {
    const auto found = result.fields().find(name);
    if (found == result.fields().end()) continue;
    std::printf("  %-17s %s\n", name, ValueText(found->second).c_str());
  }
  const auto warnings = result.fields().find("warnings");
  if (warnings == result.fields().end()) return;
  for (const google::protobuf::Value& warning : warnings->second.list_value().values()) {
    std::printf("  %s %s\n", Yellow("warning:").c_str(), warning.string_value().c_str());
  }
}

}  // namespace

int ShowTrial(const Options& options) {
  const Result<std::string> name = TrialName(options.subject);
  if (!name.ok()) return Refuse(name.status());
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  const Result<v1::Trial> trial = GetTrial(**service, *name);
  if (!trial.ok()) return Refuse(trial.status());
  if (options.json) {
    PrintJson(*trial);
    return kExitOk;
  }
  std::printf("%s  %s\n", Bold("trial " + name->substr(7)).c_str(),
              StateText(v1::TrialState_Name(trial->state())).c_str());
  if (!trial->reason().empty()) {
    std::printf("  %s: %s\n", trial->reason().c_str(), trial->message().c_str());
  }
  std::printf("  attention         %s\n", trial->canonical().c_str());
  std::printf("  model, task       %s, %s\n", trial->model().c_str(), trial->task().c_str());
  std::printf(
      "  seed              %lld%s\n", static_cast<long long>(trial->seed()),
      trial->has_mask_seed() ? fmt::format(", mask seed {}", trial->mask_seed()).c_str() : "");
  std::printf("  identity          %s\n", trial->identity().c_str());
  if (!trial->origin().empty()) std::printf("  run for           %s\n", trial->origin().c_str());
  if (!trial->paused_by().empty()) {
    std::printf("  paused in         %s\n",
                fmt::format("{}", fmt::join(trial->paused_by(), ", ")).c_str());
  }
  for (const v1::Replicate& one : trial->replicates()) {
    std::printf("  %-17s %s\n", one.stale() ? "stale" : "replicate",
                fmt::format("{} (attempt {}{}{})", one.value(), one.attempt(),
                            one.why().empty() ? "" : ", ", one.why())
                    .c_str());
  }
  if (trial->steps() > 0) {
    std::printf("  step              %lld of %lld\n", static_cast<long long>(trial->step()),
                static_cast<long long>(trial->steps()));
  }
  PrintOutcome(trial->result());
  if (!trial->attempts().empty()) {
    std::printf("\n");
    Table table;
    table.Column("attempt", Table::Align::kRight);
    table.Column("worker");
    table.Column("state");
    table.Column("reason");
    table.Column("message");
    for (const v1::Attempt& attempt : trial->attempts()) {
      table.Row({std::to_string(attempt.number()), attempt.worker(), attempt.state(),
                 attempt.reason(), attempt.message()});
    }
    std::fputs(table.Text(TheTerminal().width).c_str(), stdout);
  }
  if (!trial->masks().empty()) {
    std::printf("\n");
    Table table;
    table.Column("layer", Table::Align::kRight);
    table.Column("head", Table::Align::kRight);
    table.Column("kept", Table::Align::kRight);
    table.Column("density", Table::Align::kRight);
    table.Column("empty rows", Table::Align::kRight);
    table.Column("path");
    table.Column("hash");
    for (const v1::MaskRow& row : trial->masks()) {
      table.Row({std::to_string(row.layer()), std::to_string(row.head()),
                 std::to_string(row.kept()), fmt::format("{:.4f}", row.density()),
                 std::to_string(row.empty_rows()), row.path(), row.hash()});
    }
    std::fputs(table.Text(TheTerminal().width).c_str(), stdout);
  }
  return kExitOk;
}

int ShowLogs(const Options& options, Signals& signals) {
  const Result<std::string> name = TrialName(options.subject);
  if (!name.ok()) return Refuse(name.status());
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  v1::GetTrialLogRequest request;
  request.set_name(*name);
  request.set_attempt(options.attempt);
  for (bool live = true; live;) {
    const Result<v1::GetTrialLogResponse> answer =
        Call((*service)->trials(), &v1::TrialService::Stub::GetTrialLog, request);
    if (!answer.ok()) return Refuse(answer.status());
    std::fwrite(answer->text().data(), 1, answer->text().size(), stdout);
    std::fflush(stdout);
    const bool more = answer->next_offset() > request.offset();
    request.set_offset(answer->next_offset());
    request.set_attempt(answer->attempt());  // stay with the attempt that was shown first
    live = more || (options.follow && answer->live());
    if (!more && live && signals.WaitFor(std::chrono::milliseconds(500)) != 0) {
      return kExitInterrupted;
    }
  }
  return kExitOk;
}

}  // namespace sparsweep
