// Dispatch cycles per second: a real server on a real file, and workers that answer at once.
//
// One cycle is one trial: lease, result, accepted and fsync'd, next lease. Workers are processes of
// their own (this program again, with --as-worker), over loopback; every result they send is the
// TrialResult that a real trainer recorded (bench/dispatch/recorded_result.json), so that the store
// writes what it writes in earnest. Printed beside it: the median of a bare 4 KiB write + fdatasync
// in the same folder, half of them before and half after.
//
//   bench_dispatch [--workers 8] [--slots 16] [--seconds 10] [--dir FOLDER]
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "server/server.h"
#include "sparsweep/v1/sweep.grpc.pb.h"
#include "sparsweep/v1/worker.grpc.pb.h"

namespace sparsweep {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "bench_dispatch: %s\n", message.c_str());
  std::exit(1);
}

// Milliseconds of bare 4 KiB appends + fdatasync.
std::vector<double> Fdatasyncs(const std::string& folder) {
  const std::string path = folder + "/fdatasync.probe";
  int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) Fail("cannot write in " + folder);
  std::vector<char> page(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 300; ++i) {
    auto start = Clock::now();
    if (write(fd, page.data(), page.size()) != 4096 || fdatasync(fd) != 0) Fail("probe write failed");
    times.push_back(SecondsSince(start) * 1e3);
  }
  close(fd);
  unlink(path.c_str());
  return times;
}

std::string RecordedResult() {
  std::ifstream file(SPARSWEEP_SOURCE_DIR "/bench/dispatch/recorded_result.json");
  std::stringstream result;
  result << file.rdbuf();
  if (!file) Fail("recorded_result.json is missing");
  return result.str();
}

// The server's CPU seconds so far; it is this process.
double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One worker: reports everything it was given as done, and takes what comes back, until its standard
// input ends. Prints the cycles, then the milliseconds of every Sync that brought results.
int Work(const std::string& address, int number, int slots) {
  const std::string result = RecordedResult();
  auto stub = v1::WorkerService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  std::atomic<bool> stop = false;
  std::thread waiting([&] {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    stop = true;
  });
  int64_t cycles = 0;
  std::vector<double> round_trips;
  v1::SyncRequest request;
  request.set_worker("bench-" + std::to_string(number));
  request.set_incarnation("1");
  request.set_protocol_version(1);
  request.set_slots(slots);
  for (int64_t sequence = 1; !stop; ++sequence) {
    request.set_sequence(sequence);
    request.set_hold_ms(request.ended_size() == 0 ? 1000 : 0);
    grpc::ClientContext context;
    v1::SyncResponse response;
    auto start = Clock::now();
    grpc::Status status = stub->Sync(&context, request, &response);
    if (!status.ok()) Fail("Sync: " + status.error_message());
    if (request.ended_size() > 0) round_trips.push_back(SecondsSince(start) * 1e3);
    cycles += response.acknowledged_size();
    request.clear_ended();
    for (const v1::Assignment& assignment : response.run()) {
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = assignment.attempt();
      ended->set_result_json(result);
    }
  }
  waiting.join();
  std::printf("%lld\n", static_cast<long long>(cycles));
  for (const double trip : round_trips) std::printf("%.4f\n", trip);
  return 0;
}

// A worker as a child process between two pipes.
struct Child {
  pid_t pid = 0;
  int in = -1;
  std::FILE* out = nullptr;

  Child(const std::string& address, int number, int slots) {
    int down[2], up[2];
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) Fail("pipe");
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, down[0], 0);
    posix_spawn_file_actions_adddup2(&files, up[1], 1);
    std::vector<std::string> words = {"bench_dispatch", "--as-worker",          address, "--number",
                                      std::to_string(number), "--slots", std::to_string(slots)};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid, "/proc/self/exe", &files, nullptr, argv.data(), environ) != 0) {
      Fail("cannot start a worker");
    }
    posix_spawn_file_actions_destroy(&files);
    close(down[0]);
    close(up[1]);
    in = down[1];
    out = fdopen(up[0], "r");
  }
};

int Run(int workers, int slots, double seconds, const std::string& folder) {
  const char* data = std::getenv("SPARSWEEP_DATA");
  ServerOptions options;
  options.db = folder + "/dispatch.db";
  options.data_dir = data ? data : std::string(std::getenv("HOME")) + "/.local/share/sparsweep";
  options.grpc_listen = "127.0.0.1:0";
  options.scheduler.quarantine_after = 1 << 30;
  Result<std::unique_ptr<Server>> server = Server::Start(options);
  if (!server.ok()) Fail(server.status().message());
  const std::string address = "127.0.0.1:" + std::to_string((*server)->ports().grpc);

  auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  auto sweeps = v1::SweepService::NewStub(channel);
  v1::CreateSweepRequest create;
  v1::SweepSpec& spec = *create.mutable_spec();
  spec.set_name("dispatch");
  spec.set_model("bert-tiny");
  spec.mutable_task()->set_string_value("sentences3k");
  spec.set_attention("dense");
  spec.mutable_seeds()->set_number_value(10'000);
  auto& rates = *(*spec.mutable_axes()->mutable_fields())["learning_rate"].mutable_list_value();
  for (int i = 1; i <= 20; ++i) rates.add_values()->set_number_value(i * 1e-5);
  v1::Sweep sweep;
  grpc::ClientContext context;
  grpc::Status created = sweeps->CreateSweep(&context, create, &sweep);
  if (!created.ok()) Fail("CreateSweep: " + created.error_message());
  while (sweep.state() == v1::SWEEP_STATE_EXPANDING) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    v1::GetSweepRequest get;
    get.set_name(sweep.name());
    grpc::ClientContext get_context;
    if (!sweeps->GetSweep(&get_context, get, &sweep).ok()) Fail("GetSweep");
  }

  std::vector<double> probes = Fdatasyncs(folder);
  const double cpu_before = CpuSeconds();
  std::vector<Child> children;
  auto start = Clock::now();
  for (int w = 0; w < workers; ++w) children.emplace_back(address, w, slots);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double elapsed = SecondsSince(start);
  for (Child& child : children) close(child.in);
  int64_t cycles = 0;
  std::vector<double> round_trips;
  for (Child& child : children) {
    long long count = 0;
    double trip = 0;
    if (std::fscanf(child.out, "%lld", &count) != 1) Fail("a worker ended early");
    cycles += count;
    while (std::fscanf(child.out, "%lf", &trip) == 1) round_trips.push_back(trip);
    waitpid(child.pid, nullptr, 0);
  }
  const double cpu = CpuSeconds() - cpu_before;
  for (const double time : Fdatasyncs(folder)) probes.push_back(time);
  const double probe = Quantile(probes, 0.5);
  const double median = Quantile(round_trips, 0.5);
  std::printf("%d worker processes x %d slots: %.0f durable dispatch cycles/s (%lld in %.1f s), "
              "%.2f ms of server CPU a cycle\n",
              workers, slots, static_cast<double>(cycles) / elapsed,
              static_cast<long long>(cycles), elapsed,
              1e3 * cpu / static_cast<double>(std::max<int64_t>(cycles, 1)));
  std::printf("Sync with results: median %.2f ms, p99 %.2f ms; bare fdatasync median %.2f ms; ratio %.1f\n",
              median, Quantile(round_trips, 0.99), probe, median / probe);
  (*server)->Stop(std::chrono::seconds(5));
  return cycles > 0 ? 0 : 1;
}

}  // namespace
}  // namespace sparsweep

int main(int argc, char** argv) {
  int workers = 8, slots = 16, number = 0;
  std::string as_worker;
  double seconds = 10;
  std::string folder = std::filesystem::temp_directory_path() / "sparsweep-bench-dispatch";
  CLI::App app("Durable dispatch cycles per second, with recorded real results");
  app.add_option("--workers", workers, "worker connections")->check(CLI::PositiveNumber);
  app.add_option("--slots", slots, "slots of each worker")->check(CLI::PositiveNumber);
  app.add_option("--seconds", seconds, "how long")->check(CLI::PositiveNumber);
  app.add_option("--dir", folder, "where the database is made (and removed)");
  app.add_option("--as-worker", as_worker, "be one of the workers of the server at this address");
  app.add_option("--number", number, "which one");
  CLI11_PARSE(app, argc, argv);
  if (!as_worker.empty()) return sparsweep::Work(as_worker, number, slots);
  std::filesystem::create_directories(folder);
  int status = sparsweep::Run(workers, slots, seconds, folder);
  std::filesystem::remove_all(folder);
  return status;
}
