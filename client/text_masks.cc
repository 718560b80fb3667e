#include "client/text_masks.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "client/program_output.h"

namespace sparsweep {

Result<std::string> AskForTextMasks(const std::string& trainer, const std::string& data_folder,
                                    const TextMaskRequest& request) {
  if (access(trainer.c_str(), X_OK) != 0) {
    return Status{StatusCode::kNotFound,
                  trainer + " is not there; run scripts/build, or name it with --trainer"};
  }
  nlohmann::json question = {{"model", request.model},
                             {"text", request.text},
                             {"attention", request.attention},
                             {"mask_seed", request.mask_seed},
                             {"rows", request.rows}};
  if (!request.text_pair.empty()) question["text_pair"] = request.text_pair;
  if (!request.glove.empty()) question["glove"] = request.glove;
  if (request.max_length > 0) question["max_length"] = request.max_length;
  std::string input;
  try {
    input = question.dump();
  } catch (const nlohmann::json::exception&) {
    return InvalidArgument("the text is not valid UTF-8");
  }
  Result<ProgramOutput> output = RunProgram({trainer, "mask", "--data", data_folder}, input);
  if (!output.ok()) {
    return Status{output.status().code(), trainer + ": " + output.status().message()};
  }
  const nlohmann::json answer = nlohmann::json::parse(output->out, nullptr, false);
  if (answer.is_object() && answer.contains("error") && answer["error"].is_string()) {
    return InvalidArgument(answer["error"].get<std::string>());
  }
  if (output->code != 0 || !answer.is_object()) {
    return Status{StatusCode::kInternal, trainer + " ended with code " +
                                             std::to_string(output->code) +
                                             " and no answer; \"sparsweep doctor\" says more"};
  }
  output->out.erase(output->out.find_last_not_of('\n') + 1);
  return std::move(output->out);
}

}  // namespace sparsweep
