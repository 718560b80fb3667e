// What the options of a training do to its values: accumulation, recomputing, freezing, decay of
// rates, stopping early, the epoch that is reported.
#include <gtest/gtest.h>

#include "tests/trainer/tiny.h"
#include "trainer/device.h"
#include "trainer/memory_meter.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

// The gradient of the mean loss over examples, as a training asks for it.
std::map<std::string, at::Tensor> Gradients(TinyTraining& training,
                                            const std::vector<std::vector<int64_t>>& batches) {
  Bert& model = training.Model();
  int64_t all = 0;
  for (const auto& batch : batches) all += static_cast<int64_t>(batch.size());
  for (const auto& examples : batches) {
    Batch batch = MakeBatch(training.train, examples, at::kCPU);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded);
    at::Tensor loss = at::cross_entropy_loss(model.Logits(batch, attention, Pass{}), batch.labels);
    (loss * (double(examples.size()) / double(all))).backward();
  }
  std::map<std::string, at::Tensor> gradients;
  for (Parameter& parameter : model.parameters()) {
    gradients[parameter.name] = parameter.value.grad().clone();
    parameter.value.mutable_grad().reset();
  }
  return gradients;
}

TEST(Accumulation, AddsUpToTheGradientOfTheBigBatch) {
  TinyTraining training;
  const auto big = Gradients(training, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}});
  const auto parts = Gradients(training, {{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
  for (const auto& [name, gradient] : big) {
    const double scale = gradient.abs().max().item<double>() + 1e-3;
    EXPECT_LT((gradient - parts.at(name)).abs().max().item<double>(), 1e-5 * scale) << name;
  }
}

// 64 texts in batches of 16: four batches are one step. Their mean loss is that of one batch of 64,
// and so is the model after the step.
TEST(Accumulation, TrainsAsTheBigBatchDoes) {
  TinyTraining parts, big;
  parts.options.accumulate = 4;
  big.options.batch_size = 64;
  for (TinyTraining* training : {&parts, &big}) {
    training->options.dropout = 0;
    training->options.epochs = 3;
    EXPECT_EQ(TotalSteps(training->options, 64), 3);
    EXPECT_EQ(training->Run().steps, 3);
  }
  ASSERT_EQ(parts.losses.size(), 3u);
  for (int step = 0; step < 3; ++step) EXPECT_NEAR(parts.losses[step], big.losses[step], 2e-5);
  const auto weights = parts.Weights();
  for (const auto& [name, value] : big.Weights()) {
    EXPECT_LT((value - weights.at(name)).abs().max().item<double>(), 2e-4) << name;
  }
}

TEST(Accumulation, ItsLastStepOfAnEpochHasWhatIsLeft) {
  TrainingOptions options;
  options.batch_size = 10;
  options.epochs = 2;
  options.accumulate = 3;
  EXPECT_EQ(TotalSteps(options, 64), 6);  // 7 batches: 3, 3 and 1
  options.max_steps = 4;
  EXPECT_EQ(TotalSteps(options, 64), 4);
}

// At a rate of 0 the loss of a step is the mean of what its batches lose as steps of their own.
TEST(Accumulation, DropsWhatEachBatchWouldDropAlone) {
  TinyTraining alone, together;
  together.options.accumulate = 4;
  for (TinyTraining* training : {&alone, &together}) {
    training->options.learning_rate = 0;
    training->Run();
  }
  ASSERT_EQ(alone.losses.size(), 4u);
  ASSERT_EQ(together.losses.size(), 1u);
  double mean = 0;
  for (const double loss : alone.losses) mean += loss / 4;
  EXPECT_NEAR(together.losses[0], mean, 1e-12);
}

TEST(Checkpointing, GivesTheSameLossesAndWeightsToTheLastBit) {
  TinyTraining plain, recomputed;
  recomputed.model_options.recompute = true;
  plain.options.epochs = recomputed.options.epochs = 2;
  plain.Run();
  recomputed.Run();
  EXPECT_EQ(plain.losses, recomputed.losses);
  EXPECT_EQ(plain.dev_losses, recomputed.dev_losses);
  const auto weights = recomputed.Weights();
  for (const auto& [name, value] : plain.Weights()) {
    EXPECT_TRUE(at::equal(value, weights.at(name))) << name;
  }
}

TEST(Checkpointing, TrainsLayersAboveFrozenEmbeddings) {
  TinyTraining plain, recomputed;
  recomputed.model_options.recompute = true;
  for (TinyTraining* training : {&plain, &recomputed}) {
    training->model_options.freeze_embeddings = true;
    training->model_options.freeze_layers = 1;
    training->Run();
  }
  EXPECT_EQ(plain.losses, recomputed.losses);
  const auto weights = recomputed.Weights();
  for (const auto& [name, value] : plain.Weights()) {
    EXPECT_TRUE(at::equal(value, weights.at(name))) << name;
  }
}

TEST(Checkpointing, HoldsLessMemory) {
  MemoryMeter meter(at::kCPU);
  const auto most = [&](bool recompute) {
    TinyTraining training;
    training.checkpoint = TinyCheckpoint(3);
    training.model_options.recompute = recompute;
    Bert& model = training.Model();
    std::vector<int64_t> examples;
    for (int64_t i = 0; i < 64; ++i) examples.push_back(i);
    Batch batch = MakeBatch(training.train, examples, at::kCPU);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded);
    meter.ResetPeak();
    const int64_t before = meter.live();
    at::cross_entropy_loss(model.Logits(batch, attention, Pass{}), batch.labels).backward();
    return meter.peak() - before;
  };
  const int64_t plain = most(false), recomputed = most(true);
  EXPECT_LT(recomputed, plain * 2 / 3) << plain;
  EXPECT_GT(recomputed, plain / 10) << "nothing was counted";
}

bool IsOfFirstLayers(const std::string& name, int layers) {
  for (int i = 0; i < layers; ++i) {
    if (name.starts_with("encoder.layer." + std::to_string(i) + ".")) return true;
  }
  return false;
}

TEST(Freezing, KeepsWhatItNamesAndTrainsTheRest) {
  for (const bool embeddings : {false, true}) {
    for (const int layers : {0, 2}) {
      TinyTraining training;
      training.model_options.freeze_embeddings = embeddings;
      training.model_options.freeze_layers = layers;
      const auto before = training.Weights();
      training.Run();
      for (const auto& [name, value] : training.Weights()) {
        const bool frozen =
            (embeddings && name.starts_with("embeddings.")) || IsOfFirstLayers(name, layers);
        EXPECT_EQ(at::equal(value, before.at(name)), frozen)
            << name << " embeddings " << embeddings << " layers " << layers;
      }
    }
  }
}

// With AdamW and no decay the first step moves every weight with a gradient by its rate.
TEST(LayerDecay, LowersTheRateOfEachLayerBelowTheTop) {
  TinyTraining training;
  training.model_options.layer_decay = 0.5;
  training.options.weight_decay = 0;
  training.options.schedule = "constant";
  training.options.max_steps = 1;
  const auto before = training.Weights();
  training.Run();
  const auto after = training.Weights();
  const auto moved = [&](const std::string& name) {
    return (after.at(name) - before.at(name)).abs().max().item<double>();
  };
  const double rate = 1e-3;
  EXPECT_NEAR(moved("classifier.weight"), rate, 1e-6);
  EXPECT_NEAR(moved("encoder.layer.2.output.dense.weight"), rate, 1e-6);
  EXPECT_NEAR(moved("encoder.layer.1.output.dense.bias"), rate / 2, 1e-6);
  EXPECT_NEAR(moved("encoder.layer.0.output.dense.weight"), rate / 4, 1e-6);
  EXPECT_NEAR(moved("embeddings.word_embeddings.weight"), rate / 8, 1e-6);
}

// A rate that is far too high, so that the loss on dev soon rises.
TinyTraining& Overshooting(TinyTraining& training) {
  training.options.epochs = 12;
  training.options.learning_rate = 0.02;
  training.request.metric = "loss";
  training.request.lower_is_better = true;
  return training;
}

TEST(EarlyStop, EndsAfterThatManyEpochsWithoutABetterValue) {
  TinyTraining whole, stopped;
  Overshooting(whole).Run();
  Overshooting(stopped).options.early_stop = 2;
  stopped.Run();
  ASSERT_EQ(whole.dev_losses.size(), 12u);
  size_t best = 0, end = 0;
  for (size_t epoch = 0; epoch < 12 && end == 0; ++epoch) {
    if (whole.dev_losses[epoch] < whole.dev_losses[best]) best = epoch;
    if (epoch - best == 2) end = epoch + 1;
  }
  ASSERT_GT(end, 0u) << "the loss never rose";
  ASSERT_LT(end, 12u);
  EXPECT_EQ(stopped.dev_losses,
            std::vector<double>(whole.dev_losses.begin(), whole.dev_losses.begin() + end))
      << "the schedule is that of all epochs";
}

TEST(Report, TakesTheBestEpochOrTheLast) {
  TinyTraining best, last;
  Overshooting(best).options.report = "best";
  Overshooting(last);
  int saved_best = 0, saved_last = 0;
  using Save = TrainRequest::Save;
  best.request.save_when = Save::kBest;
  best.request.save = [&](const AdamW&) { return ++saved_best, Status(); };
  last.request.save_when = Save::kLast;
  last.request.save = [&](const AdamW&) { return ++saved_last, Status(); };
  const TrainOutcome of_best = best.Run(), of_last = last.Run();
  EXPECT_EQ(best.losses, last.losses);
  const auto lowest = std::ranges::min_element(best.dev_losses);
  EXPECT_EQ(of_best.epoch, lowest - best.dev_losses.begin() + 1);
  EXPECT_EQ(of_best.metrics.at("loss"), *lowest);
  EXPECT_EQ(of_last.epoch, 12);
  EXPECT_EQ(of_last.metrics.at("loss"), last.dev_losses.back());
  int better = 0;
  for (double low = INFINITY; const double loss : best.dev_losses) {
    if (loss < low) low = loss, ++better;
  }
  EXPECT_EQ(saved_best, better);
  EXPECT_EQ(saved_last, 1);
}

TEST(Precision, IsRefusedWithAReasonWhereTheDeviceLacksIt) {
  const DeviceFacts old{"cpu", 0, "Some CPU", 0, /*bf16=*/false}, fit{"cpu", 0, "", 0, true};
  EXPECT_TRUE(CheckPrecision("float32", old).ok());
  EXPECT_TRUE(CheckPrecision("bfloat16", fit).ok());
  EXPECT_EQ(CheckPrecision("bfloat16", old).message(),
            "precision \"bfloat16\": cpu: Some CPU lacks avx512_bf16, without which it is slower "
            "than float32; use \"float32\" or another worker");
}

}  // namespace
}  // namespace sparsweep
