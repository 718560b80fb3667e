// The loop of kind pretrain: masked language modelling over packed sequences, validated at
// intervals, with states to resume from. Not here: the corpus (corpus.h), the phases around
// (pretrain_run.h). One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "trainer/masking.h"
#include "trainer/train.h"

namespace sparsweep {

struct PretrainRequest {
  TrainRequest train;  // of it: options, splits, seed, device, implementation, learned, save
  Masking masking;
  std::filesystem::path state;  // file to resume from and write; unused without checkpoint_every
  std::string configuration, machine;  // as in TrainingState
};

struct PretrainOutcome {
  TrainOutcome train;
  std::vector<std::string> warnings;
};

// A batch with its masked tokens hidden: `labels` are what stood in the places `asked`.
Batch MaskedBatch(const TokenizedSplit& split, const std::vector<int64_t>& examples,
                  const Masking& masking, uint32_t epoch, at::Device device, int64_t first = 0);

// perplexity, loss and accuracy over the masked tokens of a split, the same tokens every time.
Metrics EvaluateMaskedLm(const Bert& model, const TokenizedSplit& split, const Masking& masking,
                         at::Device device, Implementation implementation, int64_t first);

// As Train. Where the state is of another configuration the failure is `refused`; of another
// machine, training starts anew, with a warning.
std::variant<PretrainOutcome, Failure> TrainMaskedLm(const PretrainRequest& request, Bert& model,
                                                     TrainObserver& observer);

}  // namespace sparsweep
