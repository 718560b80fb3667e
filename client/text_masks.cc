#include "client/text_masks.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "client/ask_trainer.h"
#include "core/catalog.h"

namespace sparsweep {

Result<std::string> AskForTextMasks(const std::string& trainer, const std::string& data_folder,
                                    const TextMaskRequest& request, const ProgramLimits& limits) {
  nlohmann::json question = {{"model", request.model},
                             {"attention", request.attention},
                             {"mask_seed", request.mask_seed},
                             {"rows", request.rows}};
  if (!request.text.empty() || request.conllu.empty()) question["text"] = request.text;
  if (!request.conllu.empty()) {
    question["conllu"] = request.conllu;
    question["sentence"] = request.sentence;
  }
  if (!request.parses.empty()) question["parses"] = request.parses;
  if (!request.text_pair.empty()) question["text_pair"] = request.text_pair;
  if (!request.glove.empty()) question["glove"] = request.glove;
  if (request.max_length > 0) question["max_length"] = request.max_length;
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
    request.model = question.model;
    request.text = question.text;
    request.text_pair = question.text_pair;
    request.attention = question.attention;
    request.max_length = question.max_length;
    request.mask_seed = question.mask_seed;
    request.rows = true;
    request.parses = question.parses;
    request.glove = question.glove;
    ProgramLimits limits;
    limits.time = std::chrono::seconds(20);
    limits.bytes = size_t{64} << 20;
    limits.stop = std::move(stop);
    return AskForTextMasks(trainer, data_folder, request, limits);
  };
}

}  // namespace sparsweep
