// Where an interrupted pre-training goes on: weights, optimizer and position, in one file that is
// replaced as a whole. The same trainer that reads it computes what an unbroken run would have. Not
// here: what the numbers mean (pretrain_train.h). One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace sparsweep {

struct TrainingState {
  std::string configuration;  // the trial's identity: another one must not go on from here
  std::string machine;        // device, threads, versions: others give other last digits
  int64_t step = 0;           // finished
  std::map<std::string, double> numbers;
  std::vector<at::Tensor> tensors;
};

// Written beside `path` first, flushed, and then renamed.
Status WriteTrainingState(const TrainingState& state, const std::filesystem::path& path);
// Tensors on the CPU. kNotFound where there is none.
Result<TrainingState> ReadTrainingState(const std::filesystem::path& path);

}  // namespace sparsweep
