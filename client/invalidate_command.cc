// `sparsweep invalidate`: which results become stale, and what they became.
#include <fmt/format.h>

#include <cstdio>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/json_output.h"
#include "client/table.h"
#include "client/terminal.h"

namespace sparsweep {

namespace {

// Values before and after, of every result that was made stale.
int PrintChanges(const Options& options) {
  Options query = options;
  query.subject =
      "SELECT p.trial_id AS trial, s.canonical, s.seed, p.metric, p.value AS before, "
      "r.value AS after, r.value - p.value AS difference, p.worker AS worker_before, "
      "r.worker AS worker_after, p.why FROM v_replicates p JOIN v_trials s USING (trial_id) "
      "LEFT JOIN v_results r USING (trial_id) WHERE p.stale ORDER BY p.trial_id, p.attempt";
  return Sql(query);
}

std::string ResultCount(int64_t n) {
  return fmt::format("{} {}", n, n == 1 ? "result" : "results");
}

void Print(const v1::InvalidateResultsResponse& response, bool dry_run) {
  Table table;
  table.Column("trial", Table::Align::kRight);
  table.Column("pattern");
  table.Column("seed", Table::Align::kRight);
  table.Column("metric");
  table.Column("value", Table::Align::kRight);
  table.Column("worker");
  table.Column("device");
  for (const v1::InvalidatedResult& result : response.results()) {
    table.Row({result.trial().substr(7), result.canonical(), std::to_string(result.seed()),
               result.metric(), fmt::format("{:.4f}", result.value()), result.worker(),
               result.device()});
  }
  if (response.results_size() > 0) {
    std::fputs(table.Text(TheTerminal().width).c_str(), stdout);
  }
  if (response.total() == 0) {
    std::printf("no result meets the condition%s\n", dry_run ? "" : "; nothing was changed");
    return;
  }
  std::string sweeps;
  for (const std::string& name : response.reopened_sweeps()) {
    sweeps += (sweeps.empty() ? "" : ", ") + name;
  }
  std::printf("%s %s stale%s\n", ResultCount(response.total()).c_str(),
              dry_run ? "would be" : response.total() == 1 ? "is" : "are",
              sweeps.empty() ? "" : fmt::format("; open again: {}", sweeps).c_str());
}

}  // namespace

int Invalidate(const Options& options) {
  if (options.changes) return PrintChanges(options);
  if (options.where.empty()) {
    return Refuse(InvalidArgument("say which results: --where \"worker = 'node7'\""));
  }
  auto service = Service::Open(options.address(), options.dry_run ? Service::Access::kRead
                                                                  : Service::Access::kWrite);
  if (!service.ok()) return Refuse(service.status());
  v1::InvalidateResultsRequest request;
  request.set_where(options.where);
  request.set_why(options.why);
  if (!options.sweep.empty()) {
    const Result<std::string> name = FindSweep(**service, options.sweep);
    if (!name.ok()) return Refuse(name.status());
    request.set_parent(*name);
  }
  request.set_validate_only(true);
  Result<v1::InvalidateResultsResponse> response =
      Call((*service)->trials(), &v1::TrialService::Stub::InvalidateResults, request);
  if (!response.ok()) return Refuse(response.status());
  // A request that is repeated is answered as the first time, whatever the condition selects now.
  if (!options.dry_run && (response->total() > 0 || !options.request_id.empty())) {
    if (!options.json && !options.yes) Print(*response, true);
    const std::string what =
        fmt::format("{} to become stale, and their trials to run again.",
                    ResultCount(response->total()));
    if (!Agreed(options, what)) {
      return Refuse(Status(StatusCode::kFailedPrecondition, what + " Repeat it with --yes"));
    }
    request.set_validate_only(false);
    request.set_request_id(options.request_id);
    response = Call((*service)->trials(), &v1::TrialService::Stub::InvalidateResults, request);
    if (!response.ok()) return Refuse(response.status());
  }
  if (options.json) {
    PrintJson(*response);
  } else {
    Print(*response, options.dry_run);
  }
  return kExitOk;
}

}  // namespace sparsweep
