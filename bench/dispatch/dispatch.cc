// Dispatch cycles per second: a real server on a real file, and workers that answer at once.
//
// One cycle is one trial: lease, result, accepted and fsync'd, next lease. Workers are threads with a
// gRPC channel each, over loopback; every result they send is the TrialResult that a real trainer
// recorded (bench/dispatch/recorded_result.json), so that the store writes what it writes in earnest.
// Printed beside it: the median of a bare 4 KiB write + fdatasync in the same folder in the same run.
//
//   bench_dispatch [--workers 8] [--slots 16] [--seconds 10] [--dir FOLDER]
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
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

// Milliseconds of a bare 4 KiB append + fdatasync.
double MedianFdatasync(const std::string& folder) {
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
  return Quantile(times, 0.5);
}

struct Count {
  int64_t cycles = 0;
  std::vector<double> round_trips;  // milliseconds of a Sync that brought results
};

// One worker: reports everything it was given as done, and takes what comes back.
void Work(const std::string& address, int number, int slots, const std::string& result,
          const std::atomic<bool>& stop, Count& count) {
  auto stub = v1::WorkerService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
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
    if (request.ended_size() > 0) count.round_trips.push_back(SecondsSince(start) * 1e3);
    count.cycles += response.acknowledged_size();
    request.clear_ended();
    for (const v1::Assignment& assignment : response.run()) {
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = assignment.attempt();
      ended->set_result_json(result);
    }
  }
}

int Run(int workers, int slots, double seconds, const std::string& folder) {
  std::ifstream file(SPARSWEEP_SOURCE_DIR "/bench/dispatch/recorded_result.json");
  std::stringstream result;
  result << file.rdbuf();
  if (!file) Fail("recorded_result.json is missing");

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

  const double probe = MedianFdatasync(folder);
  std::atomic<bool> stop = false;
  std::vector<Count> counts(workers);
  std::vector<std::thread> threads;
  auto start = Clock::now();
  for (int w = 0; w < workers; ++w) {
    threads.emplace_back(Work, address, w, slots, result.str(), std::cref(stop), std::ref(counts[w]));
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const double elapsed = SecondsSince(start);

  int64_t cycles = 0;
  std::vector<double> round_trips;
  for (const Count& count : counts) {
    cycles += count.cycles;
    round_trips.insert(round_trips.end(), count.round_trips.begin(), count.round_trips.end());
  }
  const double median = Quantile(round_trips, 0.5);
  std::printf("%d workers x %d slots: %.0f durable dispatch cycles/s (%lld in %.1f s)\n", workers, slots,
              static_cast<double>(cycles) / elapsed, static_cast<long long>(cycles), elapsed);
  std::printf("Sync with results: median %.2f ms, p99 %.2f ms; bare fdatasync median %.2f ms; ratio %.1f\n",
              median, Quantile(round_trips, 0.99), probe, median / probe);
  (*server)->Stop(std::chrono::seconds(5));
  return cycles > 0 ? 0 : 1;
}

}  // namespace
}  // namespace sparsweep

int main(int argc, char** argv) {
  int workers = 8, slots = 16;
  double seconds = 10;
  std::string folder = std::filesystem::temp_directory_path() / "sparsweep-bench-dispatch";
  CLI::App app("Durable dispatch cycles per second, with recorded real results");
  app.add_option("--workers", workers, "worker connections")->check(CLI::PositiveNumber);
  app.add_option("--slots", slots, "slots of each worker")->check(CLI::PositiveNumber);
  app.add_option("--seconds", seconds, "how long")->check(CLI::PositiveNumber);
  app.add_option("--dir", folder, "where the database is made (and removed)");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(folder);
  int status = sparsweep::Run(workers, slots, seconds, folder);
  std::filesystem::remove_all(folder);
  return status;
}
