// The program `sparsweep`: parses the command line and runs one command.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "client/cli.h"
#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/signals.h"
#include "core/catalog.h"

namespace sparsweep {
namespace {

int Run(const std::string& command, CommandLine& line) {
  Options& options = line.options;
  if (options.data.empty()) options.data = Catalog::DefaultFolder().string();
  if (command == "mask") return ShowMask(options);
  if (command == "predict") return PredictTexts(options);
  if (command == "doctor") return Doctor(options);
  if (command == "version") {
    std::printf("sparsweep %s\n", kVersion);
    return kExitOk;
  }
  if (command == "completion") {
    std::fputs(CompletionScript(*line.app, options.subject).c_str(), stdout);
    return kExitOk;
  }
  if (command == "list") return List(options);
  if (command == "status") return ShowStatus(options);
  if (command == "cancel") return Cancel(options);
  if (command == "pause") return Pause(options);
  if (command == "resume") return Resume(options);
  if (command == "retry") return Retry(options);
  if (command == "delete") return Delete(options);
  if (command == "update") return Update(options);
  if (command == "invalidate") return Invalidate(options);
  if (command == "drain") return Drain(options);
  if (command == "backup") return BackUp(options);
  if (command == "results") return Results(options);
  if (command == "preview") return Preview(options);
  if (command == "verify") return Verify(options);
  if (command == "show") return ShowTrial(options);
  if (command == "model") return WriteModel(options);
  if (command == "sql") return Sql(options);
  Signals signals;  // before any other thread
  if (command == "run") return RunSweep(options, signals);
  if (command == "server") return RunServer(options, signals);
  if (command == "worker") return RunWorker(options, signals);
  if (command == "submit") return Submit(options, signals);
  if (command == "watch") return Watch(options, signals);
  if (command == "logs") return ShowLogs(options, signals);
  return Refuse(InvalidArgument("there is no command \"" + command + "\""));
}

int Main(int argc, char** argv) {
  const std::unique_ptr<CommandLine> line = MakeCommandLine();
  const Result<Parsed> parsed = Parse(line.get(), argc, argv);
  if (!parsed.ok()) return Refuse(parsed.status());
  if (parsed->command.empty()) {
    std::fputs(parsed->text.c_str(), stdout);
    return argc < 2 ? kExitRefused : kExitOk;
  }
  return Run(parsed->command, *line);
}

}  // namespace
}  // namespace sparsweep

int main(int argc, char** argv) {
  // gRPC logs what our own messages say better; who wants its log sets the variable.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  try {
    return sparsweep::Main(argc, argv);
  } catch (const std::exception& e) {  // a bug, or no memory: still one sentence and a code
    std::fprintf(stderr, "sparsweep: unexpected error: %s\n", e.what());
    return sparsweep::kExitRefused;
  }
}
