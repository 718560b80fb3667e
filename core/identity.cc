// See identity.h. The text is put together by hand, in canonical order: a grid has millions.
#include "core/identity.h"

#include "core/json.h"
#include "core/kind_json.h"
#include "core/sha256.h"
#include "core/training_fields.h"

namespace sparsweep {
namespace {

// Of a canonical text, where the names of patterns stand for nothing else.
bool IsLearnedText(const std::string& canonical) {
  return canonical.find("learned_window") != std::string::npos ||
         canonical.find("adaptive_span") != std::string::npos;
}

// Options that were added without a change of what the usual value does: not the usual one.
bool IsUnusual(const std::string& name, const TrainingOptions& training) {
  const TrainingField& field = *FindTrainingField(name);
  return GetTrainingField(field, training) != GetTrainingField(field, TrainingOptions());
}

// Forward and backward passes alone.
bool HasEffectOnMeasurement(const std::string& name, const TrialSpec& trial) {
  if (name == "max_length" || name == "pooling") return true;
  if (trial.kind == "infer") return false;
  if (name == "dropout") return true;
  return (name == "checkpointing" || name == "freeze") && IsUnusual(name, trial.training);
}

bool HasEffect(const std::string& name, const TrialSpec& trial, bool learned) {
  const TrainingOptions& training = trial.training;
  if (name == "precision") return false;  // stands beside the hyper-parameters
  if (trial.kind == "profile" || trial.kind == "infer") return HasEffectOnMeasurement(name, trial);
  const bool pretrain = trial.kind == "pretrain";
  if (name == "lambda" || name == "degree_lr") return learned;
  if (name == "epochs") return training.max_steps == 0;
  if (name == "max_steps") return training.max_steps > 0;
  if (name == "warmup") return training.warmup > 0;
  if (name == "clip") return training.clip > 0;
  if (name == "train_examples") return training.train_examples > 0;
  if (name == "pooling") return !pretrain && trial.task.type != "qa";
  if (name == "doc_stride") return trial.task.type == "qa";
  if (name == "eval_every") return pretrain && training.eval_every > 0;
  if (name == "checkpoint_every") return false;  // a resumed run has the numbers of an unbroken one
  return !FindTrainingField(name)->sparing || IsUnusual(name, training);
}

std::string HyperparametersText(const TrialSpec& trial, bool learned) {
  std::string out;
  for (const TrainingField& field : TrainingFields()) {  // sorted by name
    if (!HasEffect(field.name, trial, learned)) continue;
    out += (out.empty() ? "{" : ",") + QuoteJson(field.name) + ":";
    const AxisValue value = GetTrainingField(field, trial.training);
    if (const auto* text = std::get_if<std::string>(&value)) {
      out += QuoteJson(*text);
    } else {
      out += CanonicalNumber(std::get<double>(value));
    }
  }
  return out + "}";
}

}  // namespace

Hyperparameters IdentityHyperparameters(const TrialSpec& trial) {
  return {HyperparametersText(trial, false), HyperparametersText(trial, true)};
}

std::string IdentityText(const TrialSpec& spec, const Hyperparameters& hyperparameters) {
  const bool measures = spec.profile || spec.infer;
  std::string out;
  out.reserve(960);  // of nearly all; more than a thousand bytes are another class of malloc's
  out += "{\"attention\":";
  out += QuoteJson(spec.attention);
  out += ",\"data\":";
  out += QuoteJson(spec.data_fingerprint);
  if (measures) out += ",\"device\":" + QuoteJson(spec.device);
  out += ",\"hyperparameters\":";
  out += IsLearnedText(spec.attention) ? hyperparameters.learned : hyperparameters.fixed;
  if (spec.infer) out += ",\"infer\":" + CanonicalJson(InferJson(*spec.infer));
  out += ",\"kind\":";
  out += QuoteJson(spec.kind);
  if (spec.mask_seed) out += ",\"mask_seed\":" + std::to_string(*spec.mask_seed);
  out += ",\"model\":";
  out += QuoteJson(spec.model_fingerprint);
  out += ",\"numerics\":" + std::to_string(kNumericsVersion);
  out += ",\"precision\":";
  out += QuoteJson(spec.training.precision);
  if (spec.profile) out += ",\"profile\":" + CanonicalJson(ProfileJson(*spec.profile));
  out += ",\"seed\":" + std::to_string(spec.seed);
  if (measures) out += ",\"threads\":" + std::to_string(spec.threads);
  return out + "}";
}

std::string IdentityText(const TrialSpec& spec) {
  return IdentityText(spec, IdentityHyperparameters(spec));
}

std::string TrialIdentity(const TrialSpec& spec) { return Sha256Hex(IdentityText(spec)); }

}  // namespace sparsweep
