// See training_fields.h.
#include "core/training_fields.h"

#include <algorithm>
#include <cmath>

#include "core/freeze.h"
#include "core/json.h"

namespace sparsweep {

const std::vector<TrainingField>& TrainingFields() {
  using O = TrainingOptions;
  static const std::vector<TrainingField> fields = {
      {.name = "accumulate", .whole = &O::accumulate, .low = 1, .high = 65536, .sparing = true},
      {.name = "batch_size", .whole = &O::batch_size, .low = 1, .high = 65536},
      {.name = "checkpoint_every", .whole = &O::checkpoint_every, .high = 1e12, .sparing = true},
      {.name = "checkpointing",
       .choice = &O::checkpointing,
       .choices = {"off", "on"},
       .sparing = true},
      {.name = "clip", .number = &O::clip, .low = 0, .high = 1e9},
      {.name = "degree_lr", .number = &O::degree_lr, .low = 0, .high = 10, .since_later = true},
      {.name = "doc_stride", .whole = &O::doc_stride, .low = 1, .high = 65535, .sparing = true},
      {.name = "dropout", .number = &O::dropout, .low = 0, .high = 1, .open = true},
      {.name = "early_stop", .whole = &O::early_stop, .high = 1e6, .sparing = true},
      {.name = "epochs", .number = &O::epochs, .low = 1, .high = 1e6, .only_whole = true},
      {.name = "eval_every", .whole = &O::eval_every, .high = 1e12, .sparing = true},
      {.name = "freeze", .choice = &O::freeze, .sparing = true},
      {.name = "init", .choice = &O::init, .choices = {"pretrained", "random"}, .sparing = true},
      {.name = "lambda", .number = &O::lambda, .low = 0, .high = 1e9, .since_later = true},
      {.name = "layer_decay", .number = &O::layer_decay, .low = 0.01, .high = 1, .sparing = true},
      {.name = "learning_rate", .number = &O::learning_rate, .low = 0, .high = 10},
      {.name = "max_length", .whole = &O::max_length, .low = 4, .high = 65535},
      {.name = "max_steps", .whole = &O::max_steps, .low = 0, .high = 1e12},
      {.name = "pooling", .choice = &O::pooling, .choices = {"cls", "mean"}},
      {.name = "precision", .choice = &O::precision, .choices = {"float32", "bfloat16"}},
      {.name = "report", .choice = &O::report, .choices = {"last", "best"}, .sparing = true},
      {.name = "schedule", .choice = &O::schedule, .choices = {"linear", "constant"}},
      {.name = "train_examples", .whole = &O::train_examples, .low = 0, .high = 1e12},
      {.name = "warmup", .number = &O::warmup, .low = 0, .high = 1},
      {.name = "weight_decay", .number = &O::weight_decay, .low = 0, .high = 10},
  };
  return fields;
}

const TrainingField* FindTrainingField(const std::string& name) {
  for (const TrainingField& field : TrainingFields()) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Status SetTrainingField(const TrainingField& field, const AxisValue& value,
                        TrainingOptions* options) {
  const std::string text = std::holds_alternative<std::string>(value)
                               ? QuoteJson(std::get<std::string>(value))
                               : AxisValueText(value);
  if (field.choice != nullptr) {
    if (!std::holds_alternative<std::string>(value)) {
      return InvalidArgument(text + " must be a string");
    }
    const std::string& choice = std::get<std::string>(value);
    if (field.choice == &TrainingOptions::freeze) {
      const Result<Freeze> freeze = ParseFreeze(choice);
      if (!freeze.ok()) return freeze.status();
      options->freeze = FreezeText(*freeze);
      return {};
    }
    if (std::find(field.choices.begin(), field.choices.end(), choice) == field.choices.end()) {
      return InvalidArgument(NotAChoice(choice, field.choices));
    }
    options->*field.choice = choice;
    return {};
  }

  const bool must_be_whole = field.whole != nullptr || field.only_whole;
  if (!std::holds_alternative<double>(value)) {
    return InvalidArgument(text + (std::holds_alternative<bool>(value) ? "" : " (a string)") +
                           " must be a " + (must_be_whole ? "whole number" : "number"));
  }
  const double number = std::get<double>(value);
  if (must_be_whole && number != std::floor(number)) {
    return InvalidArgument(text + " is not a whole number");
  }
  if (!(number >= field.low && number <= field.high) || (field.open && number == field.high)) {
    return InvalidArgument(text + " is not between " + CanonicalNumber(field.low) + " and " +
                           CanonicalNumber(field.high) + (field.open ? " (exclusive)" : ""));
  }
  if (field.whole != nullptr) {
    options->*field.whole = static_cast<int64_t>(number);
  } else {
    options->*field.number = number;
  }
  return {};
}

AxisValue GetTrainingField(const TrainingField& field, const TrainingOptions& options) {
  if (field.choice != nullptr) return options.*field.choice;
  if (field.whole != nullptr) return static_cast<double>(options.*field.whole);
  return options.*field.number;
}

}  // namespace sparsweep
