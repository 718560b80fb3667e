// A trial of kind pretrain: its phases in order, and the result they make. Not here: the loop
// (pretrain_train.h). The trial's thread.
#pragma once

#include <filesystem>
#include <variant>

#include "core/trial.h"
#include "trainer/masking.h"
#include "trainer/prepare.h"

namespace sparsweep {

std::variant<TrialResult, Failure> RunPretrain(const RunContext& run);

// The masking of a model's tokenizer; an error where it has no mask token.
Result<Masking> MaskingOf(const Tokenizer& tokenizer, int vocab, uint64_t seed);

// Where an interrupted trial of this identity goes on: DATA/cache/pretrain/IDENTITY.state.
std::filesystem::path StateFile(const std::filesystem::path& data_folder,
                                const std::string& identity);

}  // namespace sparsweep
