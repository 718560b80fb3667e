// See identity.h. The text is put together by hand, in canonical order: a grid has millions.
#include "core/identity.h"

#include "core/json.h"
#include "core/sha256.h"
#include "core/training_fields.h"

namespace sparsweep {
namespace {

bool HasEffect(const std::string& name, const TrainingOptions& training) {
  if (name == "precision") return false;  // stands beside the hyper-parameters
  if (name == "epochs") return training.max_steps == 0;
  if (name == "max_steps") return training.max_steps > 0;
  if (name == "warmup") return training.warmup > 0;
  if (name == "clip") return training.clip > 0;
  if (name == "train_examples") return training.train_examples > 0;
  return true;
}

}  // namespace

std::string IdentityHyperparameters(const TrainingOptions& training) {
  std::string out;
  for (const TrainingField& field : TrainingFields()) {  // sorted by name
    if (!HasEffect(field.name, training)) continue;
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

std::string IdentityText(const TrialSpec& spec, const std::string& hyperparameters) {
  std::string out;
  out.reserve(600);
  out += "{\"attention\":";
  out += QuoteJson(spec.attention);
  out += ",\"data\":";
  out += QuoteJson(spec.data_fingerprint);
  out += ",\"hyperparameters\":";
  out += hyperparameters;
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
