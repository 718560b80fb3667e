#include "trainer/pretrain_train.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "trainer/phases.h"
#include "trainer/train_step.h"
#include "trainer/training_state.h"

namespace sparsweep {
namespace {

class Loop {
 public:
  Loop(const PretrainRequest& request, Bert& model, TrainObserver& observer)
      : request_(request),
        data_(request.train),
        options_(*request.train.options),
        model_(model),
        observer_(observer),
        lengths_(data_.train->lengths()),
        stepper_(data_, model, observer, [](const at::Tensor& logits, const Batch& batch) {
          return at::cross_entropy_loss(logits, batch.labels);
        }) {}

  std::variant<PretrainOutcome, Failure> Run() {
    if (MaybeFailure failure = Resume()) return *failure;
    TrainOutcome& out = out_.train;
    Stopwatch watch;
    while (out.steps < stepper_.steps()) {
      if (observer_.Cancelled()) return Interrupted();
      if (out.first_step == std::chrono::steady_clock::time_point()) {
        out.first_step = std::chrono::steady_clock::now();
      }
      if (MaybeFailure failure = Step()) return *failure;
      if (Evaluates()) {
        out.train_seconds += watch.Lap();
        if (MaybeFailure failure = EvaluateNow()) return *failure;
        out.eval_seconds += watch.Lap();
      }
      const bool stop =
          options_.early_stop > 0 && evaluations_ - best_evaluation_ >= options_.early_stop;
      if (stop) break;
      const int64_t every = options_.checkpoint_every;
      if (every > 0 && out.steps % every == 0 && out.steps < stepper_.steps()) {
        out.train_seconds += watch.Lap();
        if (Status written = Write(); !written.ok()) return Refused(written);
      }
    }
    out.train_seconds += watch.Lap();
    // A first epoch that max_steps cut short stands for a whole one.
    out.flops /= std::min(finished_, 1.0);
    if (data_.save_when == TrainRequest::Save::kLast) {
      if (Status saved = data_.save(stepper_.optimizer()); !saved.ok()) return Refused(saved);
    }
    std::error_code ignored;
    if (options_.checkpoint_every > 0) std::filesystem::remove(request_.state, ignored);
    return out_;
  }

 private:
  int64_t EpochSteps() const {
    const int64_t examples = options_.batch_size * options_.accumulate;  // of a step
    return (static_cast<int64_t>(lengths_.size()) + examples - 1) / examples;
  }

  // Makes the order of the epoch that the next step is in; the place of its first batch there.
  size_t FindPlace() {
    const int64_t epoch = out_.train.steps / EpochSteps();
    if (order_.empty() || epoch != epoch_) {
      order_ = TrainOrder(lengths_, options_.batch_size, data_.seed, epoch);
      epoch_ = epoch;
      prefetched_ = 0;
    }
    return static_cast<size_t>(out_.train.steps % EpochSteps() * options_.accumulate);
  }

  MaybeFailure Step() {
    const size_t first = FindPlace();
    const size_t end = std::min(first + static_cast<size_t>(options_.accumulate), order_.size());
    for (prefetched_ = std::max(prefetched_, first); prefetched_ < end + kAhead; ++prefetched_) {
      PrefetchMasks(model_, order_, prefetched_);
    }
    std::vector<Stepper::Part> parts;
    double asked = 0;
    for (size_t b = first; b < end; ++b) {
      parts.push_back({MaskedBatch(*data_.train, order_[b], request_.masking,
                                   static_cast<uint32_t>(epoch_), data_.device),
                       0});
      asked += static_cast<double>(parts.back().batch.asked.numel());
    }
    for (Stepper::Part& part : parts) {
      part.share = static_cast<double>(part.batch.asked.numel()) / asked;
    }
    finished_ =
        static_cast<double>(epoch_) + static_cast<double>(end) / static_cast<double>(order_.size());
    const auto pass = static_cast<uint32_t>(out_.train.steps * options_.accumulate);
    return stepper_.Step(parts, pass, epoch_ == 0, finished_, &out_.train);
  }

  bool Evaluates() const {
    const int64_t step = out_.train.steps;
    const int64_t every = options_.eval_every > 0 ? options_.eval_every : EpochSteps();
    return step == stepper_.steps() || step % every == 0;
  }

  MaybeFailure EvaluateNow() {
    TrainOutcome& out = out_.train;
    ++evaluations_;
    auto evaluated =
        EvaluateHardened(model_, data_.learned, static_cast<int>(evaluations_), "perplexity", [&] {
          return EvaluateMaskedLm(model_, *data_.dev, request_.masking, data_.device,
                                  data_.implementation, data_.train->size());
        });
    if (auto* failure = std::get_if<Failure>(&evaluated)) return *failure;
    const Metrics& metrics = std::get<Metrics>(evaluated);
    if (!std::isfinite(metrics.at("perplexity"))) {
      return Diverged("loss of the validation after", out.steps);
    }
    observer_.OnEvaluation(out.steps, finished_, metrics);
    const bool better = best_evaluation_ == 0 || metrics.at("perplexity") < best_;
    if (better) {
      best_evaluation_ = evaluations_;
      best_ = metrics.at("perplexity");
    }
    if (better || options_.report == "last") {
      out.metrics = metrics;
      out.epoch = static_cast<int64_t>(std::ceil(finished_));
    }
    if (better && data_.save_when == TrainRequest::Save::kBest) {
      if (Status saved = data_.save(stepper_.optimizer()); !saved.ok()) return Refused(saved);
    }
    return {};
  }

  std::vector<at::Tensor> Tensors() {
    std::vector<at::Tensor> tensors;
    for (Parameter& parameter : model_.parameters()) tensors.push_back(parameter.value.detach());
    for (at::Tensor& tensor : stepper_.optimizer().state().tensors) tensors.push_back(tensor);
    return tensors;
  }

  Status Write() {
    TrainingState state{request_.configuration, request_.machine, out_.train.steps, {}, Tensors()};
    const auto decayed = stepper_.optimizer().state().decayed;
    for (size_t i = 0; i < decayed.size(); ++i) {
      state.numbers["decayed " + std::to_string(i)] = decayed[i];
    }
    state.numbers["evaluations"] = static_cast<double>(evaluations_);
    state.numbers["best evaluation"] = static_cast<double>(best_evaluation_);
    state.numbers["best"] = best_;
    state.numbers["flops"] = out_.train.flops;
    state.numbers["train seconds"] = out_.train.train_seconds;
    state.numbers["eval seconds"] = out_.train.eval_seconds;
    state.numbers["epoch"] = static_cast<double>(out_.train.epoch);
    for (const auto& [name, value] : out_.train.metrics) state.numbers["metric " + name] = value;
    return WriteTrainingState(state, request_.state);
  }

  MaybeFailure Resume() {
    if (options_.checkpoint_every == 0) return {};
    if (data_.learned) {
      return Refused(
          InvalidArgument("checkpoint_every: the state of learned patterns is not among what is "
                          "written; set it to 0"));
    }
    auto read = ReadTrainingState(request_.state);
    if (read.status().code() == StatusCode::kNotFound) return {};
    if (!read.ok()) return Refused(read.status());
    const TrainingState& state = *read;
    const std::vector<at::Tensor> tensors = Tensors();
    bool fits =
        state.configuration == request_.configuration && state.tensors.size() == tensors.size();
    for (size_t i = 0; fits && i < tensors.size(); ++i) {
      fits = tensors[i].sizes() == state.tensors[i].sizes();
    }
    if (!fits) {
      return Refused(InvalidArgument(request_.state.string() +
                                     ": is a checkpoint of another configuration (" +
                                     state.configuration.substr(0, 12) + ", this trial is " +
                                     request_.configuration.substr(0, 12) + "); delete it"));
    }
    if (state.machine != request_.machine) {
      out_.warnings.push_back("the checkpoint of step " + std::to_string(state.step) +
                              " was made on \"" + state.machine + "\", this is \"" +
                              request_.machine + "\": training started anew");
      return {};
    }
    at::NoGradGuard no_grad;
    const size_t own = model_.parameters().size();
    for (size_t i = 0; i < own; ++i) tensors[i].copy_(state.tensors[i]);
    AdamW::State optimizer{{state.tensors.begin() + static_cast<int64_t>(own), state.tensors.end()},
                           {}};
    for (size_t i = 0; i < stepper_.optimizer().state().decayed.size(); ++i) {
      optimizer.decayed.push_back(state.numbers.at("decayed " + std::to_string(i)));
    }
    stepper_.optimizer().Restore(optimizer);
    out_.train.steps = state.step;
    evaluations_ = static_cast<int64_t>(state.numbers.at("evaluations"));
    best_evaluation_ = static_cast<int64_t>(state.numbers.at("best evaluation"));
    best_ = state.numbers.at("best");
    out_.train.flops = state.numbers.at("flops");
    out_.train.train_seconds = state.numbers.at("train seconds");
    out_.train.eval_seconds = state.numbers.at("eval seconds");
    out_.train.epoch = static_cast<int64_t>(state.numbers.at("epoch"));
    for (const auto& [name, value] : state.numbers) {
      if (name.starts_with("metric ")) out_.train.metrics[name.substr(7)] = value;
    }
    return {};
  }

  const PretrainRequest& request_;
  const TrainRequest& data_;
  const TrainingOptions& options_;
  Bert& model_;
  TrainObserver& observer_;
  const std::vector<int> lengths_;
  Stepper stepper_;
  PretrainOutcome out_;
  BatchOrder order_;
  size_t prefetched_ = 0;  // batches of it whose masks are asked for
  int64_t epoch_ = 0;
  double finished_ = 0;  // epochs
  int64_t evaluations_ = 0, best_evaluation_ = 0;
  double best_ = 0;
};

}  // namespace

Batch MaskedBatch(const TokenizedSplit& split, const std::vector<int64_t>& examples,
                  const Masking& masking, uint32_t epoch, at::Device device, int64_t first) {
  Batch batch = MakeBatch(split, examples, at::kCPU, first);
  std::vector<int64_t> places, truth;
  int64_t* ids = batch.ids.mutable_data_ptr<int64_t>();
  for (size_t b = 0; b < examples.size(); ++b) {
    const int64_t row = static_cast<int64_t>(b) * batch.padded;
    for (const auto& chosen : masking.Hide(epoch, examples[b], ids + row, batch.lengths[b])) {
      places.push_back(row + chosen.position);
      truth.push_back(chosen.truth);
    }
  }
  batch.asked = at::tensor(places, at::kLong).to(device);
  batch.labels = at::tensor(truth, at::kLong).to(device);
  batch.ids = batch.ids.to(device);
  batch.types = batch.types.to(device);
  return batch;
}

Metrics EvaluateMaskedLm(const Bert& model, const TokenizedSplit& split, const Masking& masking,
                         at::Device device, Implementation implementation, int64_t first) {
  c10::InferenceMode inference;
  double loss = 0, right = 0, all = 0;
  const BatchOrder order = EvalOrder(split.lengths(), kEvalBatch);
  for (size_t number = 0; number < order.size(); ++number) {
    PrefetchMasks(model, order, number + 1, first);
    const Batch batch =
        MaskedBatch(split, order[number], masking, Masking::kValidation, device, first);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded, implementation,
                             Phase::kEvaluation);
    const at::Tensor logits = model.Logits(batch, attention, Pass{});
    loss += at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Sum).item<double>();
    right += logits.argmax(-1).eq(batch.labels).sum().item<double>();
    all += static_cast<double>(batch.asked.numel());
  }
  return {{"perplexity", std::exp(loss / all)}, {"loss", loss / all}, {"accuracy", right / all}};
}

std::variant<PretrainOutcome, Failure> TrainMaskedLm(const PretrainRequest& request, Bert& model,
                                                     TrainObserver& observer) {
  return Loop(request, model, observer).Run();
}

}  // namespace sparsweep
