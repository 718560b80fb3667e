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
  if (spec.training.precision != "float32") {
    return InvalidArgument("precision \"" + spec.training.precision +
                           "\": this trainer has float32");
  }
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
