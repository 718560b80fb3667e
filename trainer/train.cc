#include "trainer/train.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>

#include "trainer/metrics.h"
#include "trainer/optimizer.h"

namespace sparsweep {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// How many batches ahead the masks of examples are built.
constexpr size_t kAhead = 4;

// Has the masks of batch i built in the background, if there is such a batch.
void Prefetch(const Bert& model, const BatchOrder& order, size_t i, int64_t first) {
  if (i >= order.size()) return;
  std::vector<int64_t> examples = order[i];
  for (int64_t& example : examples) example += first;
  model.masks().Prefetch(examples);
}

}  // namespace

int64_t TotalSteps(const TrainingOptions& options, int64_t examples) {
  if (options.max_steps > 0) return options.max_steps;
  return (examples + options.batch_size - 1) / options.batch_size *
         static_cast<int64_t>(options.epochs);
}

std::variant<TrainOutcome, Failure> Train(const TrainRequest& request, Bert& model,
                                          TrainObserver& observer) {
  const TrainingOptions& options = *request.options;
  const std::vector<int> lengths = request.train->lengths();
  const int64_t steps = TotalSteps(options, request.train->size());
  LearnedRun* const learned = request.learned;
  AdamW optimizer(model.parameters(), options.weight_decay,
                  learned ? learned->degrees().parameters() : std::vector<at::Tensor>());
  Pass pass{request.seed, 0, DropoutStream::Threshold(options.dropout)};
  TrainOutcome outcome;

  for (uint32_t epoch = 0; outcome.steps < steps; ++epoch) {
    auto start = std::chrono::steady_clock::now();
    const BatchOrder order = TrainOrder(lengths, options.batch_size, request.seed, epoch);
    const double share = 1.0 / static_cast<double>(order.size());
    double finished = epoch;
    for (size_t i = 0; i < order.size() && outcome.steps < steps; ++i) {
      if (observer.Cancelled()) return Interrupted();
      if (i == 0) {
        for (size_t next = 0; next < kAhead; ++next) Prefetch(model, order, next, 0);
      }
      Prefetch(model, order, i + kAhead, 0);
      Batch batch = MakeBatch(*request.train, order[i], request.device);
      AttentionBatch attention(batch.lengths, batch.examples, batch.padded, request.implementation);
      at::Tensor logits = model.Logits(batch, attention, pass);
      at::Tensor loss = at::cross_entropy_loss(logits, batch.labels);
      const double value = loss.item<double>();
      if (!std::isfinite(value)) {
        return Failure{FailureReason::kDiverged, "the loss of step " +
                                                     std::to_string(outcome.steps) +
                                                     " is not finite; lower the learning rate"};
      }
      if (learned && options.lambda > 0) loss = loss + learned->degrees().Price() * options.lambda;
      loss.backward();
      if (epoch == 0) outcome.flops += attention.flops();
      const auto rate_of = [&](double base) {
        return LearningRate(base, options.schedule, options.warmup, outcome.steps, steps);
      };
      const double rate = rate_of(options.learning_rate);
      const double norm = optimizer.Step(rate, options.clip, rate_of(options.degree_lr));
      if (!std::isfinite(norm)) {
        return Failure{FailureReason::kDiverged, "the gradient of step " +
                                                     std::to_string(outcome.steps) +
                                                     " is not finite; lower the learning rate"};
      }
      pass.step = static_cast<uint32_t>(++outcome.steps);
      finished = epoch + static_cast<double>(i + 1) * share;
      observer.OnStep({outcome.steps, steps, finished, value, rate});
    }
    outcome.train_seconds += SecondsSince(start);
    // A first epoch that max_steps cut short stands for a whole one.
    if (epoch == 0) outcome.flops /= finished;

    start = std::chrono::steady_clock::now();
    const auto evaluate = [&] {
      return Evaluate(model, *request.dev, request.labels, request.device, request.implementation,
                      request.train->size());
    };
    outcome.metrics = evaluate();
    if (learned) {
      Status hardened = learned->Harden();
      if (!hardened.ok()) return Failure{FailureReason::kDiverged, hardened.message()};
      const Metrics soft = std::exchange(outcome.metrics, {});
      const MaskPlan& training = model.masks();
      model.UseMasks(learned->hardened());
      outcome.metrics = evaluate();
      model.UseMasks(training);
      for (const auto& [name, value] : soft) outcome.metrics["soft_" + name] = value;
      learned->Record(static_cast<int>(epoch) + 1, soft.at("accuracy"),
                      outcome.metrics.at("accuracy"));
    }
    outcome.eval_seconds += SecondsSince(start);
    if (!std::isfinite(outcome.metrics["loss"])) {
      return Failure{FailureReason::kDiverged, "the loss of the evaluation after step " +
                                                   std::to_string(outcome.steps) +
                                                   " is not finite; lower the learning rate"};
    }
    observer.OnEvaluation(outcome.steps, finished, outcome.metrics);
  }
  return outcome;
}

Metrics Evaluate(const Bert& model, const TokenizedSplit& split, int labels, at::Device device,
                 Implementation implementation, int64_t first) {
  c10::InferenceMode inference;
  Confusion counts(labels, std::vector<int64_t>(labels));
  double loss = 0;
  const BatchOrder order = EvalOrder(split.lengths(), kEvalBatch);
  for (size_t number = 0; number < order.size(); ++number) {
    const std::vector<int64_t>& examples = order[number];
    Prefetch(model, order, number + 1, first);
    Batch batch = MakeBatch(split, examples, device, first);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded, implementation,
                             Phase::kEvaluation);
    at::Tensor logits = model.Logits(batch, attention, Pass{});
    loss += at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Sum).item<double>();
    at::Tensor guesses = logits.argmax(-1).to(at::kCPU);
    for (size_t i = 0; i < examples.size(); ++i) {
      ++counts[split.labels[examples[i]]][guesses.const_data_ptr<int64_t>()[i]];
    }
  }
  return {{"accuracy", Accuracy(counts)},
          {"f1", F1(counts)},
          {"matthews", Matthews(counts)},
          {"loss", loss / static_cast<double>(split.size())}};
}

}  // namespace sparsweep
