// `sparsweep preview`: the whole grid as a dry run.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/json_output.h"
#include "client/sweep_file.h"
#include "client/table.h"
#include "client/terminal.h"
#include "proto/convert.h"
#include "server/server.h"

namespace sparsweep {
namespace {

// Without a server and a database the grid is laid out against an empty one in a temporary folder.
struct Sandbox {
  std::string folder;
  std::unique_ptr<Server> server;
  ~Sandbox() {
    server.reset();
    std::error_code ignored;
    if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
  }
};

Status StartSandbox(const Options& options, Sandbox* sandbox) {
  std::string folder =
      (std::filesystem::temp_directory_path() / "sparsweep-preview-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return {StatusCode::kUnavailable, "cannot make a temporary folder; set TMPDIR"};
  }
  sandbox->folder = folder;
  ServerOptions server;
  server.db = folder + "/preview.db";
  server.data_dir = options.data;
  server.min_free_bytes = 0;
  Result<std::unique_ptr<Server>> started = Server::Start(std::move(server));
  if (!started.ok()) return started.status();
  sandbox->server = std::move(started).value();
  return {};
}

}  // namespace

int Preview(const Options& options) {
  const Result<SweepSpec> spec = LoadSweepFile(options.subject);
  if (!spec.ok()) return Refuse(spec.status());
  Sandbox sandbox;
  std::unique_ptr<Service> service;
  auto opened = Service::Open(options.address(), Service::Access::kRead);
  if (opened.ok()) {
    service = std::move(opened).value();
  } else if (options.server.empty() && options.db.empty() &&
             opened.status().code() == StatusCode::kUnavailable) {  // there is neither
    const Status status = StartSandbox(options, &sandbox);
    if (!status.ok()) return Refuse(status);
    service = std::make_unique<Service>(sandbox.server->InProcessChannel());
  } else {
    return Refuse(opened.status());
  }
  v1::PreviewSweepRequest request;
  *request.mutable_spec() = SweepSpecToProto(*spec);
  request.set_max_cells(options.limit);
  const Result<v1::PreviewSweepResponse> preview =
      Call(service->sweeps(), &v1::SweepService::Stub::PreviewSweep, request);
  if (!preview.ok()) {
    return Refuse({preview.status().code(), options.subject + ": " + preview.status().message(),
                   preview.status().fields()});
  }
  if (options.json) {
    PrintJson(*preview);
    return kExitOk;
  }
  Table table;
  table.Column("cell", Table::Align::kRight);
  for (const std::string& axis : preview->axis_names()) table.Column(axis);
  table.Column("attention");
  table.Column("canonical");
  table.Column("trials", Table::Align::kRight);
  table.Column("note");
  for (const v1::PreviewCell& cell : preview->previews()) {
    std::vector<std::string> row = {std::to_string(cell.cell())};
    for (const std::string& axis : preview->axis_names()) {
      const auto found = cell.axes().fields().find(axis);
      row.push_back(found == cell.axes().fields().end() ? "" : ValueText(found->second));
    }
    row.insert(row.end(), {cell.attention(), cell.canonical(), std::to_string(cell.trials()),
                           cell.has_alias_of() ? fmt::format("same as cell {}", cell.alias_of())
                           : cell.baseline()   ? "baseline"
                                               : ""});
    table.Row(std::move(row));
  }
  std::fputs(options.csv ? table.Csv().c_str() : table.Text(TheTerminal().width).c_str(), stdout);
  if (options.csv) return kExitOk;
  if (preview->previews_size() < preview->cells()) {
    std::printf("... %lld more cells; --limit shows more\n",
                static_cast<long long>(preview->cells() - preview->previews_size()));
  }
  std::printf("\n%s\n",
              fmt::format("{} combinations, {} excluded by where; {} cells ({} the same as "
                          "another), {} trials, {} of them done already",
                          preview->combinations(), preview->excluded(), preview->cells(),
                          preview->aliases(), preview->trials(), preview->already_done())
                  .c_str());
  if (preview->estimated_seconds() > 0) {
    std::printf("about %s with one slot\n", Seconds(preview->estimated_seconds()).c_str());
  } else if (preview->already_done() < preview->trials()) {
    std::printf("no estimate: no trial of this model and task has finished here yet\n");
  }
  for (const std::string& warning : preview->warnings()) {
    std::fprintf(stderr, "%s %s\n", Yellow("warning:").c_str(), warning.c_str());
  }
  return kExitOk;
}

}  // namespace sparsweep
