// One question to a command of `sparsweep-trainer` that answers with a JSON object on a line, or
// with {"error": SENTENCE}. Not here: what is asked (text_masks.h, predict_command.cc), and the
// trainer that stays (expecting_trainer.h). Blocking; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "client/program_output.h"
#include "core/result.h"

namespace sparsweep {

// Whether the program is there.
Status CheckTrainer(const std::string& trainer);
// The sentence of an answer that is a refusal; else OK.
Status RefusalIn(const nlohmann::json& answer);
// Starts `trainer` with `arguments`; the answer as one line, which is a JSON object.
Result<std::string> AskTrainer(const std::string& trainer, std::vector<std::string> arguments,
                               const nlohmann::json& question, const ProgramLimits& limits = {});

}  // namespace sparsweep
