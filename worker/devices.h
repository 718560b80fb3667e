// What this machine offers a worker: cores, memory, CPU, GPUs, and how many slots that makes.
//
// Reads /proc, the process's cgroup and NVML (loaded with dlopen where it is installed). The NVML
// part has not been run on a machine with a GPU yet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sparsweep {

struct Gpu {
  std::string name;
  int64_t memory_bytes = 0;
};

struct Devices {
  int cores = 1;             // that this process may use
  int64_t memory_bytes = 0;  // of the machine, or the cgroup's limit where that is less
  std::string cpu;           // model name
  bool avx512_bf16 = false;
  bool amx_bf16 = false;
  std::vector<Gpu> gpus;
};

Devices ProbeDevices();

// One slot per `threads_per_slot` cores, but no more than memory holds trainers of a small BERT.
int DefaultSlots(const Devices& devices, int threads_per_slot);

// How often the kernel killed a process of this cgroup for memory; 0 where it does not say.
int64_t OomKills();

}  // namespace sparsweep
