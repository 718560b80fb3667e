#include "trainer/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>
#include <unistd.h>

#include <fstream>

namespace sparsweep {
namespace {

// The value of the first line "key : value" of a file of /proc.
std::string ProcLine(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

DeviceFacts Cpu() {
  std::string name = ProcLine("/proc/cpuinfo", "model name");
  std::string flags = " " + ProcLine("/proc/cpuinfo", "flags") + " ";
  int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return {"cpu", 0, name.empty() ? "unknown" : name, memory,
          flags.find(" avx512_bf16 ") != std::string::npos};
}

int CudaDevices() { return at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0; }

}  // namespace

void LoadCuda() { dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL); }

std::vector<DeviceFacts> Devices() {
  std::vector<DeviceFacts> devices = {Cpu()};
  for (int i = 0; i < CudaDevices(); ++i) {
    // The name needs CUDA's headers, which this build does not have; the worker asks NVML for it.
    devices.push_back({"cuda", i, "GPU " + std::to_string(i), 0, true});
  }
  return devices;
}

Result<at::Device> ChooseDevice(const std::string& wish) {
  if (wish == "cpu") return at::Device(at::kCPU);
  bool cuda = CudaDevices() > 0;
  if (wish == "auto") return cuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  if (wish == "cuda") {
    if (cuda) return at::Device(at::kCUDA, 0);
    return Status(
        StatusCode::kFailedPrecondition,
        "device \"cuda\" was asked for and this trainer has none; use \"auto\" or \"cpu\", or "
        "install LibTorch with CUDA on the worker");
  }
  return InvalidArgument("device \"" + wish + "\" is none of auto, cpu, cuda");
}

DeviceFacts FactsOf(const at::Device& device) {
  for (const DeviceFacts& facts : Devices()) {
    if ((facts.kind == "cuda") == device.is_cuda() &&
        (device.is_cpu() || facts.index == device.index())) {
      return facts;
    }
  }
  return {device.str(), 0, "unknown", 0, false};
}

std::string DescribeDevice(const at::Device& device) {
  const DeviceFacts facts = FactsOf(device);
  return facts.kind + ": " + facts.name;
}

std::map<std::string, std::string> Versions() {
  return {{"sparsweep", SPARSWEEP_VERSION},
          {"libtorch", TORCH_VERSION},
          {"tokenizers", SPARSWEEP_TOKENIZERS_VERSION}};
}

void ResetPeakBytes() { std::ofstream("/proc/self/clear_refs") << "5"; }

int64_t PeakBytes() {
  std::string peak = ProcLine("/proc/self/status", "VmHWM");
  return peak.empty() ? 0 : std::stoll(peak) * 1024;
}

}  // namespace sparsweep
