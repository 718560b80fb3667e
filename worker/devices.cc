#include "worker/devices.h"

#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

namespace sparsweep {
namespace {

constexpr int64_t kBytesPerSlot = int64_t{3} << 29;  // 1.5 GiB: LibTorch, weights, one batch

// The folder of this process in the unified cgroup tree; the root of it inside most containers.
std::string CgroupFolder() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("0::", 0) == 0) {
      const std::string folder = "/sys/fs/cgroup" + line.substr(3);
      if (std::ifstream(folder + "/cgroup.controllers").good()) return folder;
    }
  }
  return "/sys/fs/cgroup";
}

int Cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ifstream in(CgroupFolder() + "/cpu.max");
  double quota = 0, period = 0;
  if (in >> quota >> period && period > 0) {
    cores = std::min(cores, static_cast<int>(std::ceil(quota / period)));
  }
  return std::max(cores, 1);
}

int64_t Memory() {
  int64_t bytes = 0;
  std::ifstream in("/proc/meminfo");
  std::string key;
  int64_t kib = 0;
  if (in >> key >> kib) bytes = kib * 1024;
  std::ifstream limit(CgroupFolder() + "/memory.max");
  int64_t most = 0;
  if (limit >> most && most > 0) bytes = std::min(bytes, most);
  return bytes;
}

// The few calls of NVML that are used, by their documented C signatures.
std::vector<Gpu> Gpus() {
  std::vector<Gpu> out;
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return out;
  struct Memory {
    unsigned long long total, free, used;
  };
  const auto init = reinterpret_cast<int (*)()>(dlsym(library, "nvmlInit_v2"));
  const auto stop = reinterpret_cast<int (*)()>(dlsym(library, "nvmlShutdown"));
  const auto count = reinterpret_cast<int (*)(unsigned*)>(dlsym(library, "nvmlDeviceGetCount_v2"));
  const auto handle =
      reinterpret_cast<int (*)(unsigned, void**)>(dlsym(library, "nvmlDeviceGetHandleByIndex_v2"));
  const auto name =
      reinterpret_cast<int (*)(void*, char*, unsigned)>(dlsym(library, "nvmlDeviceGetName"));
  const auto memory =
      reinterpret_cast<int (*)(void*, Memory*)>(dlsym(library, "nvmlDeviceGetMemoryInfo"));
  if (init && stop && count && handle && name && memory && init() == 0) {
    unsigned n = 0;
    count(&n);
    for (unsigned i = 0; i < n; ++i) {
      void* device = nullptr;
      char text[96] = "";
      Memory bytes{};
      if (handle(i, &device) != 0) continue;
      name(device, text, sizeof text);
      memory(device, &bytes);
      out.push_back({text, static_cast<int64_t>(bytes.total)});
    }
    stop();
  }
  dlclose(library);
  return out;
}

}  // namespace

Devices ProbeDevices() {
  Devices out;
  out.cores = Cores();
  out.memory_bytes = Memory();
  out.gpus = Gpus();
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line) && !line.empty();) {  // the first processor
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.rfind("model name", 0) == 0) out.cpu = line.substr(colon + 2);
    if (line.rfind("flags", 0) == 0) {
      std::istringstream flags(line.substr(colon + 2));
      for (std::string flag; flags >> flag;) {
        out.avx512_bf16 = out.avx512_bf16 || flag == "avx512_bf16";
        out.amx_bf16 = out.amx_bf16 || flag == "amx_bf16";
      }
    }
  }
  return out;
}

int DefaultSlots(const Devices& devices, int threads_per_slot) {
  const int by_cores = devices.cores / std::max(threads_per_slot, 1);
  const int by_memory = static_cast<int>(devices.memory_bytes / kBytesPerSlot);
  return std::max(1, std::min(by_cores, by_memory));
}

int64_t OomKills() {
  std::ifstream in(CgroupFolder() + "/memory.events");
  std::string key;
  for (int64_t value = 0; in >> key >> value;) {
    if (key == "oom_kill") return value;
  }
  return 0;
}

}  // namespace sparsweep
