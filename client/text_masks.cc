#include "client/text_masks.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "client/ask_trainer.h"
#include "core/catalog.h"

namespace sparsweep {

Result<std::string> AskForTextMasks(const std::string& trainer, const std::string& data_folder,
                                    const TextMaskRequest& request, const ProgramLimits& limits) {
  nlohmann::json question = {{"model", request.of.model},
                             {"attention", request.of.attention},
                             {"mask_seed", request.of.mask_seed},
                             {"rows", request.rows}};
  if (!request.of.text.empty() || request.conllu.empty()) question["text"] = request.of.text;
  if (!request.conllu.empty()) {
    question["conllu"] = request.conllu;
    question["sentence"] = request.sentence;
  }
  if (!request.of.parses.empty()) question["parses"] = request.of.parses;
  if (!request.of.text_pair.empty()) question["text_pair"] = request.of.text_pair;
  if (!request.of.glove.empty()) question["glove"] = request.of.glove;
  if (request.of.max_length > 0) question["max_length"] = request.of.max_length;
  return AskTrainer(trainer, {"mask", "--data", data_folder}, question, limits);
}

TextMasker MakeTextMasker(std::string trainer, std::string data_folder) {
  return [trainer = std::move(trainer), data_folder = std::move(data_folder),
          hashes = std::make_shared<HashCache>()](const TextMaskQuestion& question,
                                                  std::stop_token stop) -> Result<std::string> {
    auto fingerprint =
        ModelFingerprint(ModelFolder(data_folder, question.model), *hashes, question.weights);
    if (!fingerprint.ok()) return fingerprint.status();
    if (*fingerprint != question.model_fingerprint) {
      return Status{StatusCode::kFailedPrecondition,
                    "model \"" + question.model + "\" has changed on the server's machine since " +
                        "the trial was asked for: its tokens would not be the trial's"};
    }
    TextMaskRequest request;
    request.of = question;
    request.rows = true;
    ProgramLimits limits;
    limits.time = std::chrono::seconds(20);
    limits.bytes = size_t{64} << 20;
    limits.stop = std::move(stop);
    return AskForTextMasks(trainer, data_folder, request, limits);
  };
}

}  // namespace sparsweep
