#include "client/ask_trainer.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace sparsweep {

Status CheckTrainer(const std::string& trainer) {
  if (access(trainer.c_str(), X_OK) == 0) return {};
  return {StatusCode::kNotFound,
          trainer + " is not there; run scripts/build, or name it with --trainer"};
}

Status RefusalIn(const nlohmann::json& answer) {
  const bool refused =
      answer.is_object() && answer.contains("error") && answer["error"].is_string();
  return refused ? InvalidArgument(answer["error"].get<std::string>()) : Status();
}

Result<std::string> AskTrainer(const std::string& trainer, std::vector<std::string> arguments,
                               const nlohmann::json& question, const ProgramLimits& limits) {
  if (Status there = CheckTrainer(trainer); !there.ok()) return there;
  std::string input;
  try {
    input = question.dump();
  } catch (const nlohmann::json::exception&) {
    return InvalidArgument("the text is not valid UTF-8");
  }
  arguments.insert(arguments.begin(), trainer);
  Result<ProgramOutput> output = RunProgram(arguments, input, limits);
  if (!output.ok()) {
    return Status{output.status().code(), trainer + ": " + output.status().message()};
  }
  const nlohmann::json answer = nlohmann::json::parse(output->out, nullptr, false);
  if (Status refusal = RefusalIn(answer); !refusal.ok()) return refusal;
  if (output->code != 0 || !answer.is_object()) {
    return Status{StatusCode::kInternal, trainer + " ended with code " +
                                             std::to_string(output->code) +
                                             " and no answer; \"sparsweep doctor\" says more"};
  }
  output->out.erase(output->out.find_last_not_of('\n') + 1);
  return std::move(output->out);
}

}  // namespace sparsweep
