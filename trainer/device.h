// What this process can compute on, and the versions behind it. Any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

struct DeviceFacts {
  std::string kind;  // cpu | cuda
  int index = 0;
  std::string name;
  int64_t memory_bytes = 0;
  bool bf16 = false;  // computes bfloat16 natively
};

// Makes CUDA available where libtorch_cuda.so and a device exist: loads the library. Must come
// before any other call into LibTorch; without the library it does nothing.
void LoadCuda();

// The CPU first, then every GPU that LibTorch can use.
std::vector<DeviceFacts> Devices();

// "auto" is the first GPU or else the CPU; "cuda" without a GPU is refused.
Result<at::Device> ChooseDevice(const std::string& wish);
DeviceFacts FactsOf(const at::Device& device);
// "cpu: AMD EPYC" or "cuda: NVIDIA H100".
std::string DescribeDevice(const at::Device& device);

// sparsweep, libtorch, tokenizers.
std::map<std::string, std::string> Versions();

// The process's peak of resident memory since ResetPeakBytes (or its start, where the kernel does
// not let it be reset).
void ResetPeakBytes();
int64_t PeakBytes();

}  // namespace sparsweep
