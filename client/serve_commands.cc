// The long-running commands: `sparsweep server` and `sparsweep worker`.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/text_masks.h"
#include "server/server.h"
#include "worker/devices.h"
#include "worker/worker.h"

namespace sparsweep {
namespace {

using std::chrono::milliseconds;

milliseconds FromSeconds(double seconds) {
  return milliseconds(static_cast<int64_t>(seconds * 1000));
}

}  // namespace

std::string WebFolder(const Options& options) {
  if (!options.web.empty()) return options.web;
  if (const char* folder = std::getenv("SPARSWEEP_WEB"); folder != nullptr && *folder != '\0') {
    return folder;
  }
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {bin / "../web/dist", bin / "../share/sparsweep/web"}) {
    if (fs::exists(folder / "index.html", error)) return folder.lexically_normal().string();
  }
  return "";
}

int RunServer(const Options& options, Signals& signals) {
  ServerOptions server_options;
  server_options.db = options.db.empty() ? kDefaultDb : options.db;
  server_options.data_dir = options.data;
  server_options.grpc_listen = options.listen.empty() ? kDefaultListen : options.listen;
  server_options.http_listen = options.http.empty() ? kDefaultHttp : options.http;
  server_options.web_dir = WebFolder(options);
  server_options.insecure = options.insecure;
  server_options.text_masker = MakeTextMasker(
      options.trainer.empty() ? DefaultTrainer() : options.trainer, options.data);
  server_options.scheduler.lease = FromSeconds(options.lease);
  Result<std::unique_ptr<Server>> server = Server::Start(server_options);
  if (!server.ok()) return Refuse(server.status());
  const auto host = [](const std::string& listen) { return listen.substr(0, listen.rfind(':')); };
  std::printf("database   %s\n", server_options.db.c_str());
  std::printf("gRPC       %s:%u\n", host(server_options.grpc_listen).c_str(),
              (*server)->ports().grpc);
  std::printf("dashboard  http://%s:%u/%s\n", host(server_options.http_listen).c_str(),
              (*server)->ports().http,
              server_options.web_dir.empty() ? "  (API only: the dashboard is not built)" : "");
  std::fflush(stdout);
  if (Status status = (*server)->Restored(); !status.ok()) {
    return Refuse({status.code(), server_options.db + ": " + status.message()});
  }
  signals.Wait();
  std::fprintf(stderr, "stopping; once more ends at once\n");
  (*server)->Stop(std::chrono::seconds(5));
  return kExitOk;
}

int RunWorker(const Options& options, Signals& signals) {
  WorkerOptions worker_options;
  worker_options.server = options.server.empty() ? kDefaultListen : options.server;
  worker_options.name = options.name;
  worker_options.slots = options.slots;
  worker_options.threads_per_slot = options.threads_per_slot;
  worker_options.data_dir = options.data;
  worker_options.trainer = options.trainer.empty() ? DefaultTrainer() : options.trainer;
  worker_options.device = options.device;
  for (const std::string& label : options.labels) {
    const size_t equals = label.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == label.size()) {
      return Refuse(InvalidArgument("--label \"" + label + "\" is not NAME=VALUE"));
    }
    worker_options.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  worker_options.offline_grace = FromSeconds(options.offline_grace);
  worker_options.drain_grace = FromSeconds(options.drain_grace);
  worker_options.say = [](const std::string& text) {
    std::fprintf(stderr, "worker: %s\n", text.c_str());
  };
  const std::string server = worker_options.server;
  Result<std::unique_ptr<WorkerLoop>> made = WorkerLoop::Start(std::move(worker_options));
  if (!made.ok()) return Refuse(made.status());
  WorkerLoop& worker = **made;
  std::printf("worker %s: %d slots of %d threads for %s\n", worker.name().c_str(), worker.slots(),
              options.threads_per_slot, server.c_str());
  for (const Gpu& gpu : ProbeDevices().gpus) {
    std::printf("GPU %s: training on a GPU has not been tried by the authors on a device yet\n",
                gpu.name.c_str());
  }
  std::fflush(stdout);
  while (signals.WaitFor(milliseconds(200)) == 0) {
    if (worker.WaitFor(milliseconds(0))) return kExitOk;
  }
  // TERM comes from a cluster that will not wait for ever, Ctrl-C from someone who wants it to end.
  const bool finish = signals.first() == SIGTERM && options.drain_grace > 0;
  std::fprintf(stderr, "worker: %s; once more ends at once\n",
               finish
                   ? fmt::format("finishing what runs within {:g} s", options.drain_grace).c_str()
                   : "giving back what runs");
  worker.Drain(finish ? FromSeconds(options.drain_grace) : milliseconds(0));
  worker.Wait();
  return kExitOk;
}

}  // namespace sparsweep
