#include "trainer/trial_checks.h"

#include <string>

namespace sparsweep {

Status CheckModel(const TrialSpec& spec, const BertConfig& config) {
  if (spec.layers != config.layers || spec.heads != config.heads) {
    return InvalidArgument("model \"" + spec.model + "\" has " + std::to_string(config.layers) +
                           " layers x " + std::to_string(config.heads) +
                           " heads, the trial wants " + std::to_string(spec.layers) + " x " +
                           std::to_string(spec.heads));
  }
  if (spec.training.max_length > config.max_positions) {
    return InvalidArgument("max_length " + std::to_string(spec.training.max_length) +
                           " exceeds the " + std::to_string(config.max_positions) +
                           " positions of model \"" + spec.model + "\"");
  }
  return {};
}

Status CheckAvailable(const TrialSpec& spec) {
  const TrainingOptions& training = spec.training;
  const auto missing = [](const std::string& what) {
    return InvalidArgument(what + " is not available in this version of the trainer");
  };
  if (training.precision != "float32") return missing("precision \"" + training.precision + "\"");
  if (training.accumulate != 1) return missing("accumulate");
  if (training.checkpointing != "off") return missing("checkpointing");
  if (training.freeze != "none") return missing("freeze");
  if (training.layer_decay != 1) return missing("layer_decay");
  if (training.early_stop != 0) return missing("early_stop");
  if (training.report != "last") return missing("report \"" + training.report + "\"");
  if (training.init != "pretrained") return missing("init \"" + training.init + "\"");
  if (spec.keep != "none") return missing("keep \"" + spec.keep + "\"");
  return {};
}

Status CheckVocabulary(const TrialSpec& spec, const Tokenizer& tokenizer,
                       const BertConfig& config) {
  if (tokenizer.vocab_size() <= config.vocab) return {};
  return InvalidArgument("model \"" + spec.model + "\": its tokenizer has " +
                         std::to_string(tokenizer.vocab_size()) + " tokens, its word embeddings " +
                         std::to_string(config.vocab) + "; both must be of one model");
}

}  // namespace sparsweep
