// The model and optimizer against transformers: golden/parity.json, made by golden/make_parity.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/trainer/models.h"
#include "trainer/bert.h"
#include "trainer/optimizer.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr double kStates = 5e-5, kLogits = 1e-5, kLosses = 1e-5;

const json& Golden() {
  static const json golden =
      json::parse(std::ifstream(SPARSWEEP_SOURCE_DIR "/tests/trainer/golden/parity.json"));
  return golden;
}

// The script's `wave`: weights for the heads that a checkpoint lacks.
at::Tensor Wave(at::IntArrayRef shape, double phase) {
  at::Tensor weights = at::empty(shape, at::kFloat);
  for (int64_t k = 0; k < weights.numel(); ++k) {
    weights.mutable_data_ptr<float>()[k] =
        static_cast<float>(0.02 * std::sqrt(2.0) * std::sin(static_cast<double>(k) + phase));
  }
  return weights;
}

// The golden's texts as one split, and a model for them.
struct Subject {
  Subject(const std::string& name, const std::string& attention, bool mean_pooling,
          Implementation how = Implementation::kAuto)
      : implementation(how) {
    const json& golden = Golden()["models"][name];
    checkpoint = LoadCheckpoint(TestModel(name).string()).value();
    std::set<int32_t> tokens = {0};
    for (const auto& text : golden["ids"]) tokens.insert(text.begin(), text.end());
    options.vocabulary.assign(tokens.begin(), tokens.end());
    std::set<int> lengths;
    for (const auto& text : golden["ids"]) {
      for (int32_t id : text) {
        split.ids.push_back(static_cast<int32_t>(std::ranges::lower_bound(options.vocabulary, id) -
                                                 options.vocabulary.begin()));
        split.types.push_back(0);
      }
      split.begin.push_back(static_cast<int64_t>(split.ids.size()));
      lengths.insert(static_cast<int>(text.size()));
    }
    split.labels = golden["labels"].get<std::vector<int32_t>>();
    const BertConfig& config = checkpoint->config;
    options.max_length = 32;
    options.head.mean_pooling = mean_pooling;
    Plan plan = Plan::Resolve(attention, {config.layers, config.heads, 32}).value();
    masks = MaskPlan::Make(plan, {}, lengths, cache).value();
    model = std::make_unique<Bert>(*checkpoint, options, *masks);
    for (Parameter& parameter : model->parameters()) {
      bool fresh = parameter.name == "classifier.weight" ||
                   (parameter.name == "pooler.dense.weight" &&
                    !checkpoint->tensors.contains("pooler.dense.weight"));
      if (!fresh) continue;
      double phase = parameter.name == "classifier.weight" ? 2 : 1;
      at::Tensor(parameter.value.detach()).copy_(Wave(parameter.value.sizes(), phase));
    }
  }

  at::Tensor Logits(const std::vector<int64_t>& examples,
                    std::vector<at::Tensor>* states = nullptr) {
    batch = MakeBatch(split, examples, at::kCPU);
    AttentionBatch attention(batch.lengths, batch.padded, implementation);
    return model->Logits(batch, attention, Pass{}, states);
  }

  Implementation implementation;
  std::shared_ptr<const Checkpoint> checkpoint;
  BertOptions options;
  TokenizedSplit split;
  MaskCache cache;
  std::shared_ptr<const MaskPlan> masks;
  std::unique_ptr<Bert> model;
  Batch batch;
};

double Distance(const at::Tensor& got, const json& want) {
  auto values = want.get<std::vector<float>>();
  at::Tensor flat = got.detach().flatten().contiguous();
  EXPECT_EQ(flat.numel(), static_cast<int64_t>(values.size()));
  double worst = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double error = std::abs(double(flat.const_data_ptr<float>()[i]) - values[i]);
    worst = error <= worst ? worst : error;
  }
  return worst;
}

// The real tokens of [B*N, hidden], one example after the other.
at::Tensor RealTokens(const at::Tensor& state, const Batch& batch) {
  std::vector<at::Tensor> parts;
  for (size_t b = 0; b < batch.lengths.size(); ++b) {
    parts.push_back(state.narrow(0, static_cast<int64_t>(b) * batch.padded, batch.lengths[b]));
  }
  return at::cat(parts);
}

class Parity : public testing::TestWithParam<std::tuple<std::string, Implementation>> {};

TEST_P(Parity, LogitsAndHiddenStatesUnderEveryMask) {
  auto [name, implementation] = GetParam();
  SPARSWEEP_NEEDS(TestModel(name));
  std::vector<int64_t> all(Golden()["models"][name]["ids"].size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  for (const json& golden : Golden()["models"][name]["cases"]) {
    const std::string attention = golden["attention"];
    for (bool mean : {false, true}) {
      Subject subject(name, attention, mean, implementation);
      std::vector<at::Tensor> states;
      at::Tensor logits = subject.Logits(all, &states);
      EXPECT_LT(Distance(logits, golden[mean ? "logits_mean" : "logits_cls"]), kLogits)
          << attention;
      ASSERT_EQ(states.size(), golden["states"].size());
      for (size_t i = 0; i < states.size(); ++i) {
        at::Tensor values = RealTokens(states[i], subject.batch).flatten();
        values = values.slice(0, 0, values.numel(), Golden()["stride"].get<int64_t>());
        EXPECT_LT(Distance(values, golden["states"][i]), kStates) << attention << ", state " << i;
      }
    }
  }
}

TEST_P(Parity, LossesOfTheFirstTenAdamWSteps) {
  auto [name, implementation] = GetParam();
  SPARSWEEP_NEEDS(TestModel(name));
  for (const json& golden : Golden()["models"][name]["runs"]) {
    Subject subject(name, golden["attention"], golden["pooling"] == "mean", implementation);
    AdamW optimizer(subject.model->parameters(), 0.01);
    const int64_t steps = Golden()["steps"];
    for (int64_t step = 0; step < steps; ++step) {
      std::vector<int64_t> examples;
      for (int64_t i = step % 2; i < subject.split.size(); i += 2) examples.push_back(i);
      at::Tensor logits = subject.Logits(examples);
      at::Tensor loss = at::cross_entropy_loss(logits, subject.batch.labels);
      EXPECT_NEAR(loss.item<double>(), golden["losses"][step].get<double>(), kLosses)
          << golden["attention"] << " " << golden["pooling"] << " step " << step;
      loss.backward();
      optimizer.Step(LearningRate(golden["learning_rate"], "linear", 0.2, step, steps), 1.0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, Parity,
    testing::Combine(testing::Values("bert-tiny", "minilm-l6"),
                     testing::Values(Implementation::kAuto, Implementation::kPortable)),
    [](const auto& info) {
      std::string name = std::get<0>(info.param) == "bert-tiny" ? "BertTiny" : "MiniLm";
      return name + (std::get<1>(info.param) == Implementation::kAuto ? "Kernels" : "Portable");
    });

}  // namespace
}  // namespace sparsweep
