#include "worker/names.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "worker/worker.h"

namespace sparsweep {

std::string HostName() {
  char name[256] = "worker";
  gethostname(name, sizeof name - 1);
  return name;
}

std::string RandomName() {
  std::random_device random;
  char text[33];
  std::snprintf(text, sizeof text, "%08x%08x%08x%08x", random(), random(), random(), random());
  return text;
}

nlohmann::json LabelsOf(const Devices& devices, int threads_per_slot) {
  nlohmann::json labels = {{"host", HostName()},
                           {"pid", getpid()},
                           {"cpu", devices.cpu},
                           {"cores", devices.cores},
                           {"memory_bytes", devices.memory_bytes},
                           {"threads_per_slot", threads_per_slot}};
  for (const Gpu& gpu : devices.gpus) {
    labels["gpus"].push_back({{"name", gpu.name}, {"memory_bytes", gpu.memory_bytes}});
  }
  return labels;
}

std::string DefaultTrainer() {
  if (const char* path = std::getenv("SPARSWEEP_TRAINER"); path != nullptr && *path != '\0') {
    return path;
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "sparsweep-trainer").string();
}

}  // namespace sparsweep
