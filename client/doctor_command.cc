// `sparsweep doctor`: what works on this machine, and what to do about the rest.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/program_output.h"
#include "client/terminal.h"
#include "core/catalog.h"
#include "worker/devices.h"
#include "worker/worker.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

enum class Grade { kOk, kWarn, kFail };

class Findings {
 public:
  void Add(Grade grade, const std::string& what, const std::string& text) {
    list_.push_back({{"check", what},
                     {"state", grade == Grade::kOk     ? "ok"
                               : grade == Grade::kWarn ? "warn"
                                                       : "fail"},
                     {"text", text}});
    failed_ = failed_ || grade == Grade::kFail;
  }
  bool failed() const { return failed_; }
  void Print(bool as_json) const {
    if (as_json) {
      std::printf("%s\n", nlohmann::json(list_).dump(2).c_str());
      return;
    }
    for (const auto& item : list_) {
      const std::string state = item["state"];
      const std::string mark = state == "ok"     ? Green("ok  ")
                               : state == "warn" ? Yellow("warn")
                                                 : Red("FAIL");
      std::printf("%s  %-9s  %s\n", mark.c_str(), item["check"].get<std::string>().c_str(),
                  item["text"].get<std::string>().c_str());
    }
  }

 private:
  std::vector<nlohmann::ordered_json> list_;
  bool failed_ = false;
};

// stdout of a program that ends with code 0.
Result<std::string> OutputOf(const std::vector<std::string>& arguments) {
  Result<ProgramOutput> output = RunProgram(arguments);
  if (!output.ok()) return output.status();
  if (output->code != 0) {
    return Status{StatusCode::kInternal, fmt::format("it exited with code {}", output->code)};
  }
  return std::move(output->out);
}

void CheckTrainer(const Options& options, Findings* out) {
  const std::string path = options.trainer.empty() ? DefaultTrainer() : options.trainer;
  if (access(path.c_str(), X_OK) != 0) {
    out->Add(Grade::kFail, "trainer",
             path +
                 " is not there; run scripts/build, or name it with "
                 "--trainer");
    return;
  }
  const Result<std::string> text = OutputOf(
      {path, "doctor", "--threads", std::to_string(std::max(1, options.threads_per_slot))});
  const nlohmann::json answer =
      text.ok() ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  if (!answer.is_object()) {
    out->Add(Grade::kFail, "trainer",
             path + " does not start: " +
                 (text.ok() ? "its answer is not JSON" : text.status().message()) +
                 "; run scripts/bootstrap and scripts/build");
    return;
  }
  out->Add(Grade::kOk, "trainer", path);
  const nlohmann::json versions = answer.value("versions", nlohmann::json::object());
  for (const char* name : {"libtorch", "tokenizers"}) {
    if (versions.contains(name) && versions[name].is_string()) {
      out->Add(Grade::kOk, name, versions[name].get<std::string>());
    }
  }
  bool gpu = false;
  for (const nlohmann::json& device : answer.value("devices", nlohmann::json::array())) {
    const std::string kind = device.value("kind", "");
    if (kind == "cuda") {
      gpu = true;
      out->Add(
          Grade::kOk, "GPU",
          device.value("name", "") + "; training on a GPU has not been tried by the authors yet");
    } else if (device.value("bf16", false)) {
      out->Add(Grade::kOk, "bf16", "the CPU has it; this version trains in float32 all the same");
    } else {
      out->Add(Grade::kWarn, "bf16", "this CPU has no bf16 instructions; float32 is used");
    }
  }
  if (!gpu) {
    const bool nvml = !ProbeDevices().gpus.empty();
    out->Add(nvml ? Grade::kWarn : Grade::kOk, "GPU",
             nvml ? "there is one, but LibTorch was installed without CUDA (pip install "
                    "torch==2.11.0 brings it); training runs on the CPU"
                  : "none; training runs on the CPU");
  }
}

void CheckData(const Options& options, Findings* out) {
  Catalog catalog(options.data);
  const std::vector<std::string> models = catalog.Models(), tasks = catalog.Tasks();
  for (const std::string& name : models) {
    const Result<ResolvedModel> model = catalog.Model(name);
    if (model.ok()) {
      out->Add(Grade::kOk, "model",
               fmt::format("{}: {} layers x {} heads x {}, fingerprint {}", name, model->layers,
                           model->heads, model->hidden, model->fingerprint.substr(0, 12)));
    } else {
      out->Add(Grade::kFail, "model", name + ": " + model.status().message());
    }
  }
  for (const std::string& name : tasks) {
    const Result<ResolvedTask> task = catalog.Task(name);
    if (task.ok()) {
      out->Add(Grade::kOk, "task",
               fmt::format("{}: {} labels, fingerprint {}", name, task->task.labels.size(),
                           task->fingerprint.substr(0, 12)));
    } else {
      out->Add(Grade::kFail, "task", name + ": " + task.status().message());
    }
  }
  if (models.empty() || tasks.empty()) {
    out->Add(Grade::kWarn, "data",
             fmt::format("no {} in {}; scripts/bootstrap brings those of the quickstart, and a "
                         "path may stand wherever a name may",
                         models.empty() ? tasks.empty() ? "models and tasks" : "model" : "task",
                         options.data));
  }
}

void CheckMachine(const Options& options, Findings* out) {
  const Devices devices = ProbeDevices();
  const int threads = std::max(1, options.threads_per_slot);
  out->Add(
      Grade::kOk, "machine",
      fmt::format("{}, {} cores, {}: {} slots of {} threads by default", devices.cpu, devices.cores,
                  Bytes(devices.memory_bytes), DefaultSlots(devices, threads), threads));
  std::error_code error;
  const fs::path db = fs::absolute(options.db.empty() ? kDefaultDb : options.db).parent_path();
  const fs::space_info space = fs::space(db, error);
  if (error) {
    out->Add(Grade::kFail, "disk", db.string() + ": " + error.message());
    return;
  }
  const auto free = static_cast<int64_t>(space.available);
  const Grade grade = free < (int64_t{64} << 20)  ? Grade::kFail
                      : free < (int64_t{1} << 30) ? Grade::kWarn
                                                  : Grade::kOk;
  out->Add(
      grade, "disk",
      fmt::format("{} free in {}{}", Bytes(free), db.string(),
                  grade == Grade::kOk ? "" : "; make room, results are not accepted below 64 MiB"));
}

}  // namespace

int Doctor(const Options& options) {
  Findings findings;
  CheckTrainer(options, &findings);
  CheckData(options, &findings);
  CheckMachine(options, &findings);
  findings.Print(options.json);
  return findings.failed() ? kExitTrialsFailed : kExitOk;
}

}  // namespace sparsweep
