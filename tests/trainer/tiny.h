// A tiny model with random weights, made-up texts for it, and a training of both: what tests of
// training options compare.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "tests/trainer/temp_folder.h"
#include "trainer/random_weights.h"
#include "trainer/train.h"

namespace sparsweep {

inline constexpr int kTinyVocabulary = 40, kTinyLength = 24;

inline std::shared_ptr<const Checkpoint> TinyCheckpoint(int layers = 3) {
  TempFolder folder;
  std::ofstream(folder.path() / "config.json")
      << R"({"model_type": "bert", "hidden_size": 32, "num_attention_heads": 2,
             "intermediate_size": 64, "vocab_size": 40, "max_position_embeddings": 24,
             "initializer_range": 0.1, "num_hidden_layers": )"
      << layers << "}";
  return RandomCheckpoint(folder.path().string(), 7).value();
}

// Texts of 5 to 24 tokens; the class is whether the second token is of the upper half.
inline TokenizedSplit TinyTexts(int count, uint64_t seed) {
  at::manual_seed(seed);
  TokenizedSplit split;
  for (int i = 0; i < count; ++i) {
    const int length = 5 + (i * 7 + static_cast<int>(seed)) % 20;
    at::Tensor tokens = at::randint(1, kTinyVocabulary, {length}, at::kInt);
    for (int t = 0; t < length; ++t) split.ids.push_back(tokens[t].item<int>());
    split.labels.push_back(tokens[1].item<int>() >= kTinyVocabulary / 2);
    split.begin.push_back(static_cast<int64_t>(split.ids.size()));
  }
  split.types.assign(split.ids.size(), 0);
  return split;
}

// A training with everything that can be varied; Run once.
struct TinyTraining {
  TrainingOptions options;
  BertOptions model_options;
  TokenizedSplit train = TinyTexts(64, 1), dev = TinyTexts(32, 2);
  std::shared_ptr<const Checkpoint> checkpoint = TinyCheckpoint();
  std::unique_ptr<const Objective> objective = Objective::OfClasses(2);
  TrainRequest request;
  std::unique_ptr<Bert> model;
  std::vector<double> losses, dev_losses;

  TinyTraining() {
    options.epochs = 1;
    options.batch_size = 16;
    options.learning_rate = 1e-3;
    options.warmup = 0;
    for (int id = 0; id < kTinyVocabulary; ++id) model_options.vocabulary.push_back(id);
    model_options.max_length = kTinyLength;
    model_options.head.seed = 3;
  }

  Bert& Model() {
    if (!model) {
      std::set<int> lengths;
      for (const TokenizedSplit* split : {&train, &dev}) {
        for (int length : split->lengths()) lengths.insert(length);
      }
      Plan plan = Plan::Resolve("layer 1: window(3)", {3, 2, kTinyLength}).value();
      masks_ = MaskPlan::Make(plan, {}, lengths, cache_).value();
      model = std::make_unique<Bert>(*checkpoint, model_options, *masks_);
    }
    return *model;
  }

  TrainOutcome Run() {
    struct Watcher : TrainObserver {
      explicit Watcher(TinyTraining& training) : to(training) {}
      void OnStep(const StepReport& report) override { to.losses.push_back(report.loss); }
      void OnEvaluation(int64_t, double, const Metrics& metrics) override {
        to.dev_losses.push_back(metrics.at("loss"));
      }
      bool Cancelled() override { return false; }
      TinyTraining& to;
    } watcher(*this);
    request.options = &options;
    request.train = &train;
    request.dev = &dev;
    request.objective = objective.get();
    request.seed = 5;
    auto outcome = Train(request, Model(), watcher);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      ADD_FAILURE() << failure->message;
      return {};
    }
    return std::get<TrainOutcome>(outcome);
  }

  std::map<std::string, at::Tensor> Weights() {
    std::map<std::string, at::Tensor> weights;
    for (const Parameter& parameter : Model().parameters()) {
      weights[parameter.name] = parameter.value.detach().clone();
    }
    return weights;
  }

 private:
  MaskCache cache_;
  std::shared_ptr<const MaskPlan> masks_;
};

}  // namespace sparsweep
