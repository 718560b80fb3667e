// What is learned from a task: degrees as short as it allows. A BERT of one layer with random
// weights reads a class from [CLS]: the majority among the tokens beside it, or at the far end.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "trainer/train.h"

namespace sparsweep {
namespace {

constexpr int kLength = 16, kHidden = 32, kVocabulary = 3;

std::shared_ptr<Checkpoint> RandomCheckpoint(uint64_t seed) {
  at::manual_seed(seed);
  auto made = std::make_shared<Checkpoint>();
  made->config = {kHidden, 1, 2, 2 * kHidden, kVocabulary, kLength, 2, 1e-12, 0.02};
  auto& t = made->tensors;
  const auto weights = [&](const std::string& name, at::IntArrayRef shape) {
    t[name + ".weight"] = at::randn(shape) * 0.1;
  };
  const auto projection = [&](const std::string& name, int64_t out, int64_t in) {
    weights(name, {out, in});
    t[name + ".bias"] = at::zeros({out});
  };
  const auto norm = [&](const std::string& name) {
    t[name + ".weight"] = at::ones({kHidden});
    t[name + ".bias"] = at::zeros({kHidden});
  };
  weights("embeddings.word_embeddings", {kVocabulary, kHidden});
  weights("embeddings.position_embeddings", {kLength, kHidden});
  weights("embeddings.token_type_embeddings", {2, kHidden});
  norm("embeddings.LayerNorm");
  const std::string layer = "encoder.layer.0.";
  projection(layer + "attention.self.qkv", 3 * kHidden, kHidden);
  projection(layer + "attention.output.dense", kHidden, kHidden);
  norm(layer + "attention.output.LayerNorm");
  projection(layer + "intermediate.dense", 2 * kHidden, kHidden);
  projection(layer + "output.dense", kHidden, 2 * kHidden);
  norm(layer + "output.LayerNorm");
  projection("pooler.dense", kHidden, kHidden);
  return made;
}

// [CLS] is token 0, all others are 1 or 2; the class is the majority of the seven tokens from
// `first` on.
TokenizedSplit Majority(int first, int examples, uint64_t seed) {
  at::manual_seed(seed);
  at::Tensor tokens = at::randint(1, 3, {examples, kLength}, at::kInt);
  TokenizedSplit split;
  for (int e = 0; e < examples; ++e) {
    int twos = 0;
    for (int i = 0; i < kLength; ++i) {
      const int token = i == 0 ? 0 : tokens[e][i].item<int>();
      split.ids.push_back(token);
      if (i >= first && i < first + 7) twos += token == 2;
    }
    split.labels.push_back(twos > 3);
    split.begin.push_back(static_cast<int64_t>(split.ids.size()));
  }
  split.types.assign(split.ids.size(), 0);
  return split;
}

struct Silent : TrainObserver {
  void OnStep(const StepReport& report) override { losses.push_back(report.loss); }
  void OnEvaluation(int64_t, double, const Metrics&) override {}
  bool Cancelled() override { return false; }
  std::vector<double> losses;
};

struct Learned {
  Metrics metrics;
  DegreeRow last;
  std::vector<double> losses;
};

struct Task {
  int first;  // of the seven tokens that tell
  std::string attention;
  double lambda;
  uint64_t weights = 17;  // seed
};

Learned TrainOn(const Task& task) {
  TrialSpec spec;
  spec.training.epochs = 10;
  spec.training.batch_size = 32;
  spec.training.learning_rate = 1e-3;
  spec.training.degree_lr = 0.03;
  spec.training.dropout = 0;
  spec.training.lambda = task.lambda;
  const TokenizedSplit train = Majority(task.first, 512, 1), dev = Majority(task.first, 256, 2);
  const Plan plan = Plan::Resolve(task.attention, {1, 2, kLength}).value();
  MaskCache cache;
  auto masks = PlanTrial(spec, plan, train, dev, nullptr, PathChoice::kAuto, cache).value();
  const auto checkpoint = RandomCheckpoint(task.weights);
  BertOptions options;
  for (int id = 0; id < kVocabulary; ++id) options.vocabulary.push_back(id);
  options.max_length = kLength;
  Bert model(*checkpoint, options, *masks->mask_plan);
  LearnedRun run(*masks, {{kLength, 512}}, PathChoice::kAuto, cache, at::kCPU);
  model.UseDegrees(run.degrees());
  Silent observer;
  const auto objective = Objective::OfClasses(2);
  auto outcome = Train(
      {&spec.training, &train, &dev, objective.get(), 0, at::kCPU, Implementation::kAuto, &run},
      model, observer);
  if (auto* failure = std::get_if<Failure>(&outcome)) {
    ADD_FAILURE() << failure->message;
    return {};
  }
  return {std::get<TrainOutcome>(outcome).metrics, run.Rows().back(), observer.losses};
}

double MassBeyond(const DegreeRow& row, int degree) {
  double mass = 0;
  for (size_t d = degree; d < row.distribution.size(); ++d) mass += row.distribution[d];
  return mass / DegreeDistribution::kWhole;
}

TEST(LearnedDegrees, AreShortWhereNeighboursSufficeAndLongWhereTheyDoNot) {
  for (const uint64_t weights : {17, 18}) {
    const Learned near = TrainOn({1, "learned_window", 0.01, weights});
    const Learned far = TrainOn({9, "learned_window", 0.01, weights});
    EXPECT_GT(near.metrics.at("soft_accuracy"), 0.95);
    EXPECT_GT(far.metrics.at("soft_accuracy"), 0.95);
    EXPECT_GT(far.metrics.at("accuracy"), 0.95);
    // Both begin with 0.9 at the greatest distance.
    EXPECT_LT(MassBeyond(near.last, 15), 0.3) << weights;
    EXPECT_GT(MassBeyond(far.last, 15), 0.7) << weights;
    EXPECT_LT(MassBeyond(near.last, 9), 0.6) << weights;
    EXPECT_GT(MassBeyond(far.last, 9), 0.7) << weights;
    EXPECT_LT(near.last.hardened_density, far.last.hardened_density - 0.1) << weights;
  }
}

TEST(LearnedDegrees, SpansReachWhereTheTaskDoes) {
  for (const uint64_t weights : {17, 18}) {
    const Learned near = TrainOn({1, "adaptive_span(ramp=2)", 0.001, weights});
    const Learned far = TrainOn({9, "adaptive_span(ramp=2)", 0.001, weights});
    EXPECT_GT(near.metrics.at("accuracy"), 0.9) << "of the hardened masks";
    EXPECT_GT(far.metrics.at("accuracy"), 0.9);
    EXPECT_LT(*near.last.span, 9) << "the last token that tells is 7 away";
    EXPECT_GT(*far.last.span, 11) << "15 away, and the ramp ends 2 later";
  }
}

TEST(LearnedDegrees, AreRepeatedToTheLastPart) {
  const Task task{1, "heads 0: learned_window; heads 1: window(2)", 0.3};
  const Learned first = TrainOn(task), again = TrainOn(task);
  EXPECT_EQ(first.last, again.last);
  EXPECT_EQ(first.losses, again.losses);
  EXPECT_EQ(first.last.heads, std::vector<int>{0});
}

}  // namespace
}  // namespace sparsweep
