#include "trainer/train_step.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

namespace sparsweep {

void PrefetchMasks(const Bert& model, const BatchOrder& order, size_t i, int64_t first) {
  if (i >= order.size()) return;
  std::vector<int64_t> examples = order[i];
  for (int64_t& example : examples) example += first;
  model.masks().Prefetch(examples);
}

Failure Diverged(const std::string& where, int64_t step) {
  return {FailureReason::kDiverged, "the " + where + " step " + std::to_string(step) +
                                        " is not finite; lower the learning rate"};
}

std::variant<Metrics, Failure> EvaluateHardened(Bert& model, LearnedRun* learned, int number,
                                                const std::string& metric,
                                                const std::function<Metrics()>& evaluate) {
  Metrics metrics = evaluate();
  if (learned == nullptr) return metrics;
  Status hardened = learned->Harden();
  if (!hardened.ok()) return Failure{FailureReason::kDiverged, hardened.message()};
  const Metrics soft = std::exchange(metrics, {});
  const MaskPlan& training = model.masks();
  model.UseMasks(learned->hardened());
  metrics = evaluate();
  model.UseMasks(training);
  for (const auto& [name, value] : soft) metrics["soft_" + name] = value;
  learned->Record(number, soft.at(metric), metrics.at(metric));
  return metrics;
}

Stepper::Stepper(const TrainRequest& request, Bert& model, TrainObserver& observer, LossOf loss)
    : request_(request),
      options_(*request.options),
      model_(model),
      observer_(observer),
      loss_(std::move(loss)),
      steps_(TotalSteps(options_, request.train->size())),
      optimizer_(
          model.parameters(), options_.weight_decay,
          request.learned ? request.learned->degrees().parameters() : std::vector<at::Tensor>()) {}

MaybeFailure Stepper::Step(const std::vector<Part>& parts, uint32_t pass, bool first_epoch,
                           double finished, TrainOutcome* outcome) {
  double value = 0;
  for (const Part& part : parts) {
    const Batch& batch = part.batch;
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded, request_.implementation);
    const Pass drawn{request_.seed, pass++, DropoutStream::Threshold(options_.dropout)};
    at::Tensor loss = loss_(model_.Logits(batch, attention, drawn), batch);
    value += loss.item<double>() * part.share;
    if (!std::isfinite(value)) return Diverged("loss of", outcome->steps);
    if (parts.size() > 1) loss = loss * part.share;
    if (request_.learned && options_.lambda > 0 && &part == &parts.back()) {
      loss = loss + request_.learned->degrees().Price() * options_.lambda;
    }
    loss.backward();
    if (first_epoch) outcome->flops += attention.flops();
  }
  const auto rate_of = [&](double base) {
    return LearningRate(base, options_.schedule, options_.warmup, outcome->steps, steps_);
  };
  const double rate = rate_of(options_.learning_rate);
  const double norm = optimizer_.Step(rate, options_.clip, rate_of(options_.degree_lr));
  if (!std::isfinite(norm)) return Diverged("gradient of", outcome->steps);
  ++outcome->steps;
  observer_.OnStep({outcome->steps, steps_, finished, value, rate});
  return {};
}

}  // namespace sparsweep
