// See identity.h. The text is put together by hand, in canonical order: a grid has millions.
#include "core/identity.h"

#include "core/json.h"
#include "core/sha256.h"
#include "core/training_fields.h"

namespace sparsweep {
namespace {

// Of a canonical text, where the names of patterns stand for nothing else.
bool IsLearnedText(const std::string& canonical) {
  return canonical.find("learned_window") != std::string::npos ||
         canonical.find("adaptive_span") != std::string::npos;
}

bool HasEffect(const std::string& name, const TrainingOptions& training, bool learned) {
  if (name == "lambda" || name == "degree_lr") return learned;
  if (name == "precision") return false;  // stands beside the hyper-parameters
  if (name == "epochs") return training.max_steps == 0;
  if (name == "max_steps") return training.max_steps > 0;
  if (name == "warmup") return training.warmup > 0;
  if (name == "clip") return training.clip > 0;
  if (name == "train_examples") return training.train_examples > 0;
  return true;
}

std::string HyperparametersText(const TrainingOptions& training, bool learned) {
  std::string out;
  for (const TrainingField& field : TrainingFields()) {  // sorted by name
    if (!HasEffect(field.name, training, learned)) continue;
    out += (out.empty() ? "{" : ",") + QuoteJson(field.name) + ":";
    const AxisValue value = GetTrainingField(field, training);
    if (const auto* text = std::get_if<std::string>(&value)) {
      out += QuoteJson(*text);
    } else {
      out += CanonicalNumber(std::get<double>(value));
    }
  }
  return out + "}";
}

}  // namespace

Hyperparameters IdentityHyperparameters(const TrainingOptions& training) {
  return {HyperparametersText(training, false), HyperparametersText(training, true)};
}

std::string IdentityText(const TrialSpec& spec, const Hyperparameters& hyperparameters) {
  std::string out;
  out.reserve(600);
  out += "{\"attention\":";
  out += QuoteJson(spec.attention);
  out += ",\"data\":";
  out += QuoteJson(spec.data_fingerprint);
  out += ",\"hyperparameters\":";
  out += IsLearnedText(spec.attention) ? hyperparameters.learned : hyperparameters.fixed;
  out += ",\"kind\":";
  out += QuoteJson(spec.kind);
  if (spec.mask_seed) out += ",\"mask_seed\":" + std::to_string(*spec.mask_seed);
  out += ",\"model\":";
  out += QuoteJson(spec.model_fingerprint);
  out += ",\"numerics\":" + std::to_string(kNumericsVersion);
  out += ",\"precision\":";
  out += QuoteJson(spec.training.precision);
  out += ",\"seed\":" + std::to_string(spec.seed) + "}";
  return out;
}

std::string IdentityText(const TrialSpec& spec) {
  return IdentityText(spec, IdentityHyperparameters(spec.training));
}

std::string TrialIdentity(const TrialSpec& spec) { return Sha256Hex(IdentityText(spec)); }

}  // namespace sparsweep
