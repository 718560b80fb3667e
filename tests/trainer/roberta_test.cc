// The RoBERTa layout against transformers: golden/roberta (a tiny model with its tokenizer) and
// golden/roberta.json, made by golden/make_roberta.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/trainer/temp_folder.h"
#include "trainer/bert.h"
#include "trainer/optimizer.h"

namespace sparsweep {
namespace {

using nlohmann::json;

const std::string kFolder = SPARSWEEP_SOURCE_DIR "/tests/trainer/golden/roberta";

const json& Golden() {
  static const json golden = json::parse(std::ifstream(kFolder + ".json"));
  return golden;
}

double Distance(const at::Tensor& got, const json& want) {
  auto values = want.get<std::vector<float>>();
  at::Tensor flat = got.detach().flatten().contiguous();
  EXPECT_EQ(flat.numel(), static_cast<int64_t>(values.size()));
  if (flat.numel() != static_cast<int64_t>(values.size())) return INFINITY;
  return (flat - at::tensor(values)).abs().max().item<double>();
}

class Roberta : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    checkpoint_ = LoadCheckpoint(kFolder).value();
    Examples examples;
    for (const json& text : Golden()["texts"]) {
      examples.train.push_back({text["text"], text["text_pair"], text["label"]});
    }
    auto tokenizer = Tokenizer::Load(kFolder).value();
    ASSERT_TRUE(tokenizer.Truncate(64).ok());
    data_ = Tokenize(tokenizer, examples).value();
  }

  Bert Model(HeadOptions head) {
    BertOptions options;
    options.vocabulary = data_->vocabulary;
    options.max_length = 64;
    options.head = head;
    Plan plan = Plan::Resolve("dense", {2, 2, 64}).value();
    std::set<int> lengths;
    for (int length : data_->train.lengths()) lengths.insert(length);
    masks_.push_back(MaskPlan::Make(plan, {}, lengths, cache_).value());
    return Bert(*checkpoint_, options, *masks_.back());
  }

  at::Tensor Logits(const Bert& model, const std::vector<int64_t>& examples,
                    std::vector<at::Tensor>* states = nullptr) {
    batch_ = MakeBatch(data_->train, examples, at::kCPU);
    AttentionBatch attention(batch_.lengths, batch_.padded, GetParam());
    return model.Logits(batch_, attention, Pass{}, states);
  }

  // The real tokens of [B*N, ...], one example after the other.
  at::Tensor Real(const at::Tensor& rows) {
    std::vector<at::Tensor> parts;
    for (size_t b = 0; b < batch_.lengths.size(); ++b) {
      parts.push_back(rows.narrow(0, static_cast<int64_t>(b) * batch_.padded, batch_.lengths[b]));
    }
    return at::cat(parts);
  }

  std::vector<int64_t> All() const {
    std::vector<int64_t> all(data_->train.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  std::shared_ptr<const Checkpoint> checkpoint_;
  std::shared_ptr<const TokenizedData> data_;
  MaskCache cache_;
  std::vector<std::shared_ptr<const MaskPlan>> masks_;  // of each model
  Batch batch_;
};

TEST_P(Roberta, ItsTokenizerGivesTheSameIdsAndNoTokenTypes) {
  const TokenizedSplit& split = data_->train;
  for (int64_t i = 0; i < split.size(); ++i) {
    std::vector<int32_t> ids;
    for (int64_t at = split.begin[i]; at < split.begin[i + 1]; ++at) {
      ids.push_back(data_->vocabulary[split.ids[at]]);
      EXPECT_EQ(split.types[at], 0);
    }
    EXPECT_EQ(ids, Golden()["texts"][i]["ids"].get<std::vector<int32_t>>()) << i;
  }
}

TEST_P(Roberta, LogitsAndHiddenStates) {
  Bert model = Model({.outputs = 2, .trained = true});
  std::vector<at::Tensor> states;
  EXPECT_LT(Distance(Logits(model, All(), &states), Golden()["logits"]), 1e-5);
  ASSERT_EQ(states.size(), 3u);
  for (size_t i = 0; i < states.size(); ++i) {
    at::Tensor values = Real(states[i]).flatten();
    EXPECT_LT(Distance(values.slice(0, 0, values.numel(), 7), Golden()["states"][i]), 5e-5) << i;
  }
}

TEST_P(Roberta, SpanLogits) {
  Bert model = Model({.kind = HeadKind::kSpan, .outputs = 2});
  for (const Parameter& parameter : model.parameters()) {
    at::Tensor value = parameter.value.detach();
    if (parameter.name == "qa_outputs.weight") {
      value.copy_((0.2 * at::sin(at::arange(64, at::kDouble) + 3)).to(at::kFloat).view({2, 32}));
    } else if (parameter.name == "qa_outputs.bias") {
      value.copy_(at::tensor({0.25f, -0.5f}));
    }
  }
  at::Tensor logits = Logits(model, All());
  for (int end : {0, 1}) {
    at::Tensor real = Real(logits.select(2, end).flatten());
    EXPECT_LT(Distance(real, Golden()[end ? "end" : "start"]), 1e-5);
  }
}

TEST_P(Roberta, LossesOfTheFirstTenAdamWSteps) {
  Bert model = Model({.outputs = 2, .trained = true});
  AdamW optimizer(model.parameters(), 0.01);
  for (int64_t step = 0; step < 10; ++step) {
    std::vector<int64_t> examples;
    for (int64_t i = step % 2; i < data_->train.size(); i += 2) examples.push_back(i);
    at::Tensor logits = Logits(model, examples);
    at::Tensor loss = at::cross_entropy_loss(logits, batch_.labels);
    EXPECT_NEAR(loss.item<double>(), Golden()["losses"][step].get<double>(), 1e-5) << step;
    loss.backward();
    optimizer.Step(LearningRate(1e-3, "linear", 0.2, step, 10), 1.0);
  }
}

TEST_P(Roberta, AFineTuningStartsWithAFreshHead) {
  Bert model = Model({.outputs = 2, .seed = 4}), again = Model({.outputs = 2, .seed = 4});
  Bert trained = Model({.outputs = 2, .trained = true});
  const at::Tensor logits = Logits(model, All());
  EXPECT_TRUE(at::equal(logits, Logits(again, All())));
  EXPECT_GT((logits - Logits(trained, All())).abs().max().item<double>(), 0.1);
}

INSTANTIATE_TEST_SUITE_P(Implementations, Roberta,
                         testing::Values(Implementation::kAuto, Implementation::kPortable),
                         [](const auto& info) {
                           return info.param == Implementation::kAuto ? "Kernels" : "Portable";
                         });

TEST(RobertaConfig, CountsPositionsFromThePaddingToken) {
  const BertConfig config = ReadBertConfig(kFolder).value();
  EXPECT_EQ(config.architecture, Architecture::kRoberta);
  EXPECT_EQ(config.position_offset, 2);
  EXPECT_EQ(config.max_positions, 64);

  TempFolder folder;
  json text = json::parse(std::ifstream(kFolder + "/config.json"));
  text["max_position_embeddings"] = 2;
  folder.Write("config.json", text.dump());
  EXPECT_EQ(ReadBertConfig(folder.path().string()).status().message(),
            (folder.path() / "config.json").string() +
                ": max_position_embeddings leaves no position beside the 2 that RoBERTa skips");
}

}  // namespace
}  // namespace sparsweep
