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

Status CheckKeep(const TrialSpec& spec) {
  if (spec.keep == "none" || spec.kind == "finetune" || spec.kind == "pretrain") return {};
  return InvalidArgument("keep: kind \"" + spec.kind +
                         "\" leaves no weights of its own; leave it out");
}

Status CheckPrecision(const std::string& precision, const DeviceFacts& device) {
  if (precision == "float32" || device.bf16) return {};
  const std::string reason = device.kind == "cpu"
                                 ? "lacks avx512_bf16, without which it is slower than float32"
                                 : "does not compute it";
  return Status(StatusCode::kFailedPrecondition, "precision \"" + precision + "\": " + device.kind +
                                                     ": " + device.name + " " + reason +
                                                     "; use \"float32\" or another worker");
}

Status CheckWords(const Plan& plan, const TaskSpec& task) {
  if (!plan.needs_text() || task.type != "qa") return {};
  return InvalidArgument("\"" + plan.canonical() +
                         "\": masks of words are not available for tasks of type qa in this "
                         "version of the trainer");
}

Status CheckVocabulary(const TrialSpec& spec, const Tokenizer& tokenizer,
                       const BertConfig& config) {
  if (tokenizer.vocab_size() <= config.vocab) return {};
  return InvalidArgument("model \"" + spec.model + "\": its tokenizer has " +
                         std::to_string(tokenizer.vocab_size()) + " tokens, its word embeddings " +
                         std::to_string(config.vocab) + "; both must be of one model");
}

}  // namespace sparsweep
