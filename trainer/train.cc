#include "trainer/train.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>

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

Failure Diverged(const std::string& what, int64_t step) {
  return {FailureReason::kDiverged, "the " + what + " of step " + std::to_string(step) +
                                        " is not finite; lower the learning rate"};
}

class Training {
 public:
  Training(const TrainRequest& request, Bert& model, TrainObserver& observer)
      : request_(request),
        options_(*request.options),
        model_(model),
        observer_(observer),
        lengths_(request.train->lengths()),
        steps_(TotalSteps(options_, request.train->size())),
        optimizer_(
            model.parameters(), options_.weight_decay,
            request.learned ? request.learned->degrees().parameters() : std::vector<at::Tensor>()),
        pass_{request.seed, 0, DropoutStream::Threshold(options_.dropout)} {}

  std::variant<TrainOutcome, Failure> Run() {
    for (uint32_t epoch = 0; outcome_.steps < steps_ && !StopsEarly(epoch); ++epoch) {
      auto start = std::chrono::steady_clock::now();
      if (MaybeFailure failure = TrainEpoch(epoch)) return *failure;
      outcome_.train_seconds += SecondsSince(start);
      // A first epoch that max_steps cut short stands for a whole one.
      if (epoch == 0) outcome_.flops /= finished_;
      start = std::chrono::steady_clock::now();
      if (MaybeFailure failure = EvaluateEpoch(epoch + 1)) return *failure;
      outcome_.eval_seconds += SecondsSince(start);
    }
    if (options_.report == "last") {
      if (MaybeFailure failure = EvaluateTest()) return *failure;
    }
    if (MaybeFailure failure = SaveAs(TrainRequest::Save::kLast)) return *failure;
    return outcome_;
  }

 private:
  bool StopsEarly(uint32_t epochs) const {
    return options_.early_stop > 0 && epochs - best_epoch_ >= options_.early_stop && epochs > 0;
  }

  MaybeFailure TrainEpoch(uint32_t epoch) {
    const BatchOrder order = TrainOrder(lengths_, options_.batch_size, request_.seed, epoch);
    for (size_t next = 0; next < kAhead; ++next) Prefetch(model_, order, next, 0);
    const size_t batches = static_cast<size_t>(options_.accumulate);
    for (size_t first = 0; first < order.size() && outcome_.steps < steps_; first += batches) {
      if (observer_.Cancelled()) return Interrupted();
      if (outcome_.steps == 0) outcome_.first_step = std::chrono::steady_clock::now();
      const size_t end = std::min(first + batches, order.size());
      if (MaybeFailure failure = Step(epoch, order, first, end)) return failure;
    }
    return {};
  }

  // One optimizer step over batches [first, end): the gradient is that of the mean loss of all
  // their examples.
  MaybeFailure Step(uint32_t epoch, const BatchOrder& order, size_t first, size_t end) {
    size_t examples = 0;
    for (size_t b = first; b < end; ++b) examples += order[b].size();
    double value = 0;
    for (size_t b = first; b < end; ++b) {
      Prefetch(model_, order, b + kAhead, 0);
      const double share = static_cast<double>(order[b].size()) / static_cast<double>(examples);
      const Batch batch = MakeBatch(*request_.train, order[b], request_.device);
      AttentionBatch attention(batch.lengths, batch.examples, batch.padded,
                               request_.implementation);
      at::Tensor loss = request_.objective->Loss(model_.Logits(batch, attention, pass_), batch,
                                                 at::Reduction::Mean);
      value += loss.item<double>() * share;
      if (!std::isfinite(value)) return Diverged("loss", outcome_.steps);
      if (end - first > 1) loss = loss * share;
      if (request_.learned && options_.lambda > 0 && b + 1 == end) {
        loss = loss + request_.learned->degrees().Price() * options_.lambda;
      }
      loss.backward();
      if (epoch == 0) outcome_.flops += attention.flops();
      ++pass_.step;
    }
    const auto rate_of = [&](double base) {
      return LearningRate(base, options_.schedule, options_.warmup, outcome_.steps, steps_);
    };
    const double rate = rate_of(options_.learning_rate);
    const double norm = optimizer_.Step(rate, options_.clip, rate_of(options_.degree_lr));
    if (!std::isfinite(norm)) return Diverged("gradient", outcome_.steps);
    ++outcome_.steps;
    finished_ = epoch + static_cast<double>(end) / static_cast<double>(order.size());
    observer_.OnStep({outcome_.steps, steps_, finished_, value, rate});
    return {};
  }

  MaybeFailure EvaluateEpoch(uint32_t epoch) {
    Metrics metrics = EvaluateNow();
    if (LearnedRun* const learned = request_.learned) {
      Status hardened = learned->Harden();
      if (!hardened.ok()) return Failure{FailureReason::kDiverged, hardened.message()};
      const Metrics soft = std::exchange(metrics, {});
      const MaskPlan& training = model_.masks();
      model_.UseMasks(learned->hardened());
      metrics = EvaluateNow();
      model_.UseMasks(training);
      for (const auto& [name, value] : soft) metrics["soft_" + name] = value;
      learned->Record(static_cast<int>(epoch), soft.at(request_.metric),
                      metrics.at(request_.metric));
    }
    if (!std::isfinite(metrics["loss"])) {
      return Diverged("loss of the evaluation after", outcome_.steps);
    }
    observer_.OnEvaluation(outcome_.steps, finished_, metrics);
    return Judge(epoch, metrics);
  }

  Metrics EvaluateNow() const {
    return Evaluate(model_, *request_.dev, *request_.objective, request_.device,
                    request_.implementation, request_.train->size());
  }

  // With the masks as hardened last, and the threshold that dev settled.
  MaybeFailure EvaluateTest() {
    if (request_.test == nullptr) return {};
    const auto start = std::chrono::steady_clock::now();
    const MaskPlan& training = model_.masks();
    if (request_.learned) model_.UseMasks(request_.learned->hardened());
    std::optional<double> threshold;
    const auto settled = outcome_.metrics.find("null_threshold");
    if (settled != outcome_.metrics.end()) threshold = settled->second;
    outcome_.test_metrics =
        Evaluate(model_, *request_.test, *request_.objective, request_.device,
                 request_.implementation, request_.train->size() + request_.dev->size(), threshold);
    model_.UseMasks(training);
    outcome_.eval_seconds += SecondsSince(start);
    if (std::isfinite(outcome_.test_metrics["loss"])) return {};
    return Diverged("loss on test after", outcome_.steps);
  }

  // Whether this epoch is the best so far, the earlier one where two are equal, and what follows.
  MaybeFailure Judge(uint32_t epoch, const Metrics& metrics) {
    const double value = metrics.at(request_.metric);
    const bool better =
        best_epoch_ == 0 || (request_.lower_is_better ? value < best_ : value > best_);
    if (better) {
      best_epoch_ = epoch;
      best_ = value;
    }
    if (better || options_.report == "last") {
      outcome_.metrics = metrics;
      outcome_.epoch = epoch;
    }
    if (better && options_.report == "best") {
      if (MaybeFailure failure = EvaluateTest()) return failure;
    }
    return better ? SaveAs(TrainRequest::Save::kBest) : std::nullopt;
  }

  MaybeFailure SaveAs(TrainRequest::Save when) {
    if (request_.save_when != when) return {};
    Status saved = request_.save(optimizer_);
    if (!saved.ok()) return Refused(saved);
    return {};
  }

  const TrainRequest& request_;
  const TrainingOptions& options_;
  Bert& model_;
  TrainObserver& observer_;
  const std::vector<int> lengths_;
  const int64_t steps_;
  AdamW optimizer_;
  Pass pass_;
  TrainOutcome outcome_;
  double finished_ = 0;  // epochs
  uint32_t best_epoch_ = 0;
  double best_ = 0;
};

}  // namespace

int64_t TotalSteps(const TrainingOptions& options, int64_t examples) {
  if (options.max_steps > 0) return options.max_steps;
  const auto shares = [](int64_t whole, int64_t part) { return (whole + part - 1) / part; };
  return shares(shares(examples, options.batch_size), options.accumulate) *
         static_cast<int64_t>(options.epochs);
}

std::variant<TrainOutcome, Failure> Train(const TrainRequest& request, Bert& model,
                                          TrainObserver& observer) {
  return Training(request, model, observer).Run();
}

Metrics Evaluate(const Bert& model, const TokenizedSplit& split, const Objective& objective,
                 at::Device device, Implementation implementation, int64_t first,
                 std::optional<double> null_threshold) {
  c10::InferenceMode inference;
  const std::unique_ptr<Judge> judge = objective.MakeJudge(split, null_threshold);
  double loss = 0;
  const BatchOrder order = EvalOrder(split.lengths(), kEvalBatch);
  for (size_t number = 0; number < order.size(); ++number) {
    const std::vector<int64_t>& examples = order[number];
    Prefetch(model, order, number + 1, first);
    Batch batch = MakeBatch(split, examples, device, first);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded, implementation,
                             Phase::kEvaluation);
    at::Tensor logits = model.Logits(batch, attention, Pass{});
    loss += objective.Loss(logits, batch, at::Reduction::Sum).item<double>();
    judge->Add(examples, batch, logits);
  }
  Metrics metrics = judge->Finish();
  metrics["loss"] = loss / static_cast<double>(split.size());
  return metrics;
}

}  // namespace sparsweep
