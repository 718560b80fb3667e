#include "trainer/model_options.h"

#include "core/freeze.h"

namespace sparsweep {

Result<BertOptions> ModelOptions(const TrialSpec& spec, const Prepared& prepared) {
  const TrainingOptions& training = spec.training;
  auto freeze = ParseFreeze(training.freeze);
  if (!freeze.ok()) return freeze.status();
  BertOptions options;
  options.vocabulary = prepared.data->vocabulary;
  options.max_length = static_cast<int>(training.max_length);
  options.head.mean_pooling = training.pooling == "mean";
  options.head.seed = spec.seed;
  options.device = prepared.device;
  options.precision = PrecisionOf(training);
  options.recompute = training.checkpointing == "on";
  options.freeze_embeddings = freeze->embeddings;
  options.freeze_layers = freeze->layers;
  options.layer_decay = training.layer_decay;
  return options;
}

}  // namespace sparsweep
