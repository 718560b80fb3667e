// sparsweep-trainer: resident under a worker (--protocol-fd), one trial (run), the masks of a text
// (mask), what trials must have attested (expect), a model of more layers (grow), predictions
// (predict), or what works here (doctor). docs/trainer-protocol.md has the contract. Everything
// runs on the main thread, which LibTorch's own pool helps.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "trainer/device.h"
#include "trainer/expect.h"
#include "trainer/grow_command.h"
#include "trainer/heap.h"
#include "trainer/mask_command.h"
#include "trainer/out_of_memory.h"
#include "trainer/predict_command.h"
#include "trainer/protocol.h"

namespace sparsweep {
namespace {

constexpr int kUsage = 2, kExitOutOfMemory = 3, kExitCrashed = 4;

// Runs a trial and reports how it ended. 0, or the code with which the process must now exit.
int RunTrial(TrialRunner& runner, const TrialSpec& spec, const std::string& attempt,
             RunReporter& reporter) {
  try {
    reporter.Finish(runner.Run(spec, attempt, reporter));
    return 0;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    const std::string first_line = text.substr(0, text.find('\n'));
    if (IsOutOfMemory(error)) {
      const bool has_words = first_line.find("memory") != std::string::npos;
      reporter.Fail(
          {FailureReason::kOutOfMemory, has_words ? first_line : "the trainer ran out of memory"});
      return kExitOutOfMemory;
    }
    reporter.Fail({FailureReason::kCrashed, first_line});
    return kExitCrashed;
  }
}

// The worker's end of the protocol, as one run sees it.
class WorkerOutlet : public Outlet {
 public:
  WorkerOutlet(Channel& channel, std::string attempt)
      : channel_(channel), attempt_(std::move(attempt)) {}

  void Send(const std::string& line) override { channel_.Send(line); }

  bool Cancelled() override {
    while (!cancelled_) {
      auto command = channel_.Next(/*wait=*/false);
      if (!command.ok()) {
        broken_ = command.status();
        cancelled_ = true;
      } else if (!command->has_value()) {
        break;
      } else if ((*command)->kind == Command::Kind::kQuit) {
        quit_ = cancelled_ = true;
      } else if ((*command)->kind == Command::Kind::kCancel) {
        cancelled_ = (*command)->attempt.empty() || (*command)->attempt == attempt_;
      } else {
        RunReporter second(*this, (*command)->attempt, stdout);
        second.Fail({FailureReason::kRefused, "this trainer is busy with attempt " + attempt_});
      }
    }
    return cancelled_;
  }

  bool quit() const { return quit_; }
  const Status& broken() const { return broken_; }

 private:
  Channel& channel_;
  std::string attempt_;
  bool cancelled_ = false, quit_ = false;
  Status broken_;
};

int Serve(int fd, const TrainerOptions& options) {
  Channel channel(fd);
  TrialRunner runner(options);
  channel.Send(ReadyMessage(options.threads));
  for (;;) {
    auto command = channel.Next(/*wait=*/true);
    Status broken = command.status();
    if (broken.ok()) {
      if ((*command)->kind == Command::Kind::kQuit) return 0;
      if ((*command)->kind == Command::Kind::kCancel) continue;
      WorkerOutlet outlet(channel, (*command)->attempt);
      RunReporter reporter(outlet, (*command)->attempt, stdout);
      auto spec = ParseTrialSpec((*command)->trial_json);
      if (!spec.ok()) {
        reporter.Fail({FailureReason::kRefused, spec.status().message()});
        continue;
      }
      int code = RunTrial(runner, *spec, (*command)->attempt, reporter);
      if (code != 0 || outlet.quit()) return code;
      broken = outlet.broken();
    }
    if (!broken.ok()) {
      std::cerr << "sparsweep-trainer: " << broken.message() << "\n";
      return 1;
    }
  }
}

// Messages of a one-off run go to stdout, its log to stderr.
class StdoutOutlet : public Outlet {
 public:
  void Send(const std::string& line) override { std::cout << line << std::endl; }
  bool Cancelled() override { return false; }
};

int RunOnce(const std::string& path, const TrainerOptions& options) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  auto spec = ParseTrialSpec(text.str());
  if (!in || !spec.ok()) {
    std::cerr << "sparsweep-trainer: " << path << ": "
              << (in ? spec.status().message() : "cannot be read") << "\n";
    return kUsage;
  }
  TrialRunner runner(options);
  Status filled = runner.FillFingerprints(&*spec);
  if (!filled.ok()) {
    std::cerr << "sparsweep-trainer: " << filled.message() << "\n";
    return 1;
  }
  StdoutOutlet outlet;
  RunReporter reporter(outlet, "run", stderr);
  return RunTrial(runner, *spec, "run", reporter);
}

int Doctor(int threads) {
  auto facts = nlohmann::json::parse(ReadyMessage(threads));
  facts.erase("type");
  facts.erase("pid");
  facts["cuda_library"] = at::hasCUDA();
  std::cout << facts.dump(2) << std::endl;
  return 0;
}

// One request on stdin, one answer on stdout.
int ShowMask(const std::string& data) {
  std::stringstream request;
  request << std::cin.rdbuf();
  auto answer = AnswerTextMask(request.str(), data);
  std::cout << (answer.ok() ? *answer
                            : nlohmann::json({{"error", answer.status().message()}})
                                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
            << std::endl;
  return answer.ok() ? 0 : kUsage;
}

// One request a line until there are no more, an answer to each.
int Expect(const TrainerOptions& options) {
  Resident resident(options.data_folder);
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << AnswerExpected(line, options, resident) << std::endl;
  }
  return 0;
}

int Grow(const std::filesystem::path& model, int layers, const std::string& order,
         const std::string& output) {
  Status grown = GrowModel(model, layers, order, output);
  if (grown.ok()) return 0;
  std::cerr << "sparsweep-trainer: " << grown.message() << "\n";
  return kUsage;
}

int PredictTexts(const TrainerOptions& options) {
  std::stringstream request;
  request << std::cin.rdbuf();
  auto answer = Predict(request.str(), options);
  std::cout << (answer.ok() ? *answer
                            : nlohmann::json({{"error", answer.status().message()}})
                                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
            << std::endl;
  return answer.ok() ? 0 : kUsage;
}

// Dies with the worker, even if the worker is killed.
void FollowParent() {
  pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) std::_Exit(0);
}

void SetUpLibraries(int threads) {
  KeepHeap();
  std::signal(SIGPIPE, SIG_IGN);
  LoadCuda();
  at::set_num_interop_threads(1);
  at::set_num_threads(threads);
  at::globalContext().setDeterministicAlgorithms(true, false);
  // Nothing here reads what it has not written: filling every new tensor with NaN is only time.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

int Main(int argc, char** argv) {
  CLI::App app("Trains one trial at a time for a sparsweep worker.", "sparsweep-trainer");
  int fd = -1, threads = 1;
  std::string data = Catalog::DefaultFolder().string(), trial, path = "auto", device = "auto",
              kept;
  auto* protocol = app.add_option("--protocol-fd", fd, "duplex descriptor of the protocol");
  for (auto* command : {&app, app.add_subcommand("run", "run one trial, messages on stdout"),
                        app.add_subcommand("predict",
                                           "texts through a trained model: a JSON "
                                           "request on stdin, the answer on stdout"),
                        app.add_subcommand("doctor", "say what works here, as JSON")}) {
    command->add_option("--threads", threads, "threads to compute with")
        ->check(CLI::Range(1, 1024));
    command->add_option("--data", data, "data folder");
    command->add_option("--path", path, "attention path")
        ->check(CLI::IsMember({"auto", "dense", "block", "window", "masked"}));
    command->add_option("--device", device, "device of trials that leave it open")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
    command->add_option("--kept", kept, "where weights that a trial keeps wait to be fetched");
  }
  app.get_subcommand("run")->add_option("trial", trial, "file with a TrialSpec")->required();
  auto* mask =
      app.add_subcommand("mask", "masks of a text: a JSON request on stdin, the answer on stdout");
  mask->add_option("--data", data, "data folder");
  auto* expect = app.add_subcommand(
      "expect", "what trials must have attested: JSON lines on stdin, an answer to each");
  expect->add_option("--data", data, "data folder");
  auto* grow = app.add_subcommand("grow", "a model with more layers, copies of a smaller one's");
  std::string model, order = "stack", output;
  int layers = 0;
  grow->add_option("--model", model, "registered name or folder of the smaller model")->required();
  grow->add_option("--layers", layers, "layers of the new model")
      ->required()
      ->check(CLI::Range(2, 65534));
  grow->add_option("--order", order, "stack: 0 1 2 0 1 2; repeat: 0 0 1 1 2 2")
      ->check(CLI::IsMember({"stack", "repeat"}));
  grow->add_option("--output", output, "new folder for it, in Hugging Face layout")->required();
  grow->add_option("--data", data, "data folder");
  CLI11_PARSE(app, argc, argv);
  if (*grow) return Grow(ModelFolder(data, model), layers, order, output);
  if (*mask) return ShowMask(data);

  TrainerOptions options;
  options.data_folder = data;
  options.threads = threads;
  options.device = device;
  options.kept_folder = kept;
  options.path = ParsePathChoice(path).value();
  if (*protocol || *expect) FollowParent();
  SetUpLibraries(threads);
  if (*expect) return Expect(options);
  if (app.got_subcommand("doctor")) return Doctor(threads);
  if (app.got_subcommand("predict")) return PredictTexts(options);
  if (app.got_subcommand("run")) return RunOnce(trial, options);
  if (*protocol) return Serve(fd, options);
  std::cerr
      << "sparsweep-trainer: needs --protocol-fd, run, mask, expect, predict, grow or doctor\n";
  return kUsage;
}

}  // namespace
}  // namespace sparsweep

int main(int argc, char** argv) { return sparsweep::Main(argc, argv); }
