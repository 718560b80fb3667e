#include "trainer/train.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "trainer/train_step.h"

namespace sparsweep {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Training {
 public:
  Training(const TrainRequest& request, Bert& model, TrainObserver& observer)
      : request_(request),
        options_(*request.options),
        model_(model),
        observer_(observer),
        lengths_(request.train->lengths()),
        stepper_(request, model, observer, [this](const at::Tensor& logits, const Batch& batch) {
          return request_.objective->Loss(logits, batch, at::Reduction::Mean);
        }) {}

  std::variant<TrainOutcome, Failure> Run() {
    for (uint32_t epoch = 0; outcome_.steps < stepper_.steps() && !StopsEarly(epoch); ++epoch) {
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
    for (size_t next = 0; next < kAhead; ++next) PrefetchMasks(model_, order, next);
    const size_t batches = static_cast<size_t>(options_.accumulate);
    for (size_t first = 0; first < order.size() && outcome_.steps < stepper_.steps();
         first += batches) {
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
    std::vector<Stepper::Part> parts;
    for (size_t b = first; b < end; ++b) {
      PrefetchMasks(model_, order, b + kAhead);
      parts.push_back({MakeBatch(*request_.train, order[b], request_.device),
                       static_cast<double>(order[b].size()) / static_cast<double>(examples)});
    }
    finished_ = epoch + static_cast<double>(end) / static_cast<double>(order.size());
    const uint32_t pass = std::exchange(passes_, passes_ + static_cast<uint32_t>(parts.size()));
    return stepper_.Step(parts, pass, epoch == 0, finished_, &outcome_);
  }

  MaybeFailure EvaluateEpoch(uint32_t epoch) {
    auto evaluated = EvaluateHardened(model_, request_.learned, static_cast<int>(epoch),
                                      request_.metric, [this] { return EvaluateNow(); });
    if (auto* failure = std::get_if<Failure>(&evaluated)) return *failure;
    const Metrics& metrics = std::get<Metrics>(evaluated);
    if (!std::isfinite(metrics.at("loss"))) {
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
    Status saved = request_.save(stepper_.optimizer());
    if (!saved.ok()) return Refused(saved);
    return {};
  }

  const TrainRequest& request_;
  const TrainingOptions& options_;
  Bert& model_;
  TrainObserver& observer_;
  const std::vector<int> lengths_;
  Stepper stepper_;
  uint32_t passes_ = 0;  // forward passes so far
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
    PrefetchMasks(model, order, number + 1, first);
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
