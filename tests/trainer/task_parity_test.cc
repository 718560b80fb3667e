// Training of questions, numbers and pairs against transformers, and the windows of its tokenizers:
// golden/tasks.json, made by golden/make_tasks.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/trainer/models.h"
#include "trainer/bert.h"
#include "trainer/objective.h"
#include "trainer/optimizer.h"
#include "trainer/qa_windows.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr double kLosses = 1e-5;

const json& Golden() {
  static const json golden =
      json::parse(std::ifstream(SPARSWEEP_SOURCE_DIR "/tests/trainer/golden/tasks.json"));
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

void Append(const json& ids, const json& types, TokenizedSplit* split) {
  for (const json& id : ids) split->ids.push_back(id);
  for (const json& type : types) split->types.push_back(type);
  split->begin.push_back(static_cast<int64_t>(split->ids.size()));
}

// The golden's examples of one task, its head and its loss.
struct TaskCase {
  TaskSpec task;
  TokenizedData data;
};

TaskCase CaseOf(const std::string& name) {
  TaskCase made;
  TokenizedSplit& train = made.data.train;
  if (name == "spans") {
    made.task.type = "qa";
    for (const json& question : Golden()["questions"]) {
      for (const json& window : question["windows"]) {
        if (window["ids"].size() != Golden()["max_length"].get<size_t>()) continue;
        Append(window["ids"], window["types"], &train);
        train.spans.push_back({window["answer"][0], window["answer"][1]});
      }
    }
  } else {
    made.task.type = name == "scores" ? "regression" : "classification";
    if (name == "pairs") made.task.labels = {"0", "1"};
    for (const json& row : Golden()["rows"]) {
      Append(row["ids"], row["types"], &train);
      if (name == "scores") {
        train.targets.push_back(row["target"].get<float>());
      } else {
        train.labels.push_back(row["label"]);
      }
    }
  }
  made.data.NumberTokens();
  return made;
}

class TaskParity : public testing::TestWithParam<Implementation> {};

TEST_P(TaskParity, LossesOfTheFirstTenAdamWSteps) {
  SPARSWEEP_NEEDS(TestModel("bert-tiny"));
  const auto checkpoint = LoadCheckpoint(TestModel("bert-tiny").string()).value();
  ASSERT_EQ(Golden()["runs"].size(), 6u);
  for (const json& run : Golden()["runs"]) {
    const TaskCase made = CaseOf(run["task"]);
    const TokenizedSplit& split = made.data.train;
    const auto objective = Objective::Make(made.task);
    const BertConfig& config = checkpoint->config;
    const int max_length = Golden()["max_length"];
    const std::string attention = run["attention"];
    Plan plan = Plan::Resolve(attention, {config.layers, config.heads, max_length}).value();
    std::set<int> lengths;
    for (int length : split.lengths()) lengths.insert(length);
    MaskCache cache;
    const auto masks = MaskPlan::Make(plan, {}, lengths, cache).value();
    BertOptions options;
    options.vocabulary = made.data.vocabulary;
    options.max_length = max_length;
    options.head.kind = objective->per_token() ? HeadKind::kSpan : HeadKind::kSequence;
    options.head.outputs = objective->outputs();
    Bert model(*checkpoint, options, *masks);
    for (Parameter& parameter : model.parameters()) {
      const bool head =
          parameter.name == "classifier.weight" || parameter.name == "qa_outputs.weight";
      const bool pooler = parameter.name == "pooler.dense.weight" &&
                          !checkpoint->tensors.contains("pooler.dense.weight");
      if (!head && !pooler) continue;
      at::Tensor(parameter.value.detach()).copy_(Wave(parameter.value.sizes(), head ? 2 : 1));
    }
    AdamW optimizer(model.parameters(), 0.01);
    const int64_t steps = Golden()["steps"];
    for (int64_t step = 0; step < steps; ++step) {
      std::vector<int64_t> examples;
      for (int64_t i = step % 2; i < split.size(); i += 2) examples.push_back(i);
      const Batch batch = MakeBatch(split, examples, at::kCPU);
      AttentionBatch shape(batch.lengths, batch.padded, GetParam());
      const at::Tensor loss =
          objective->Loss(model.Logits(batch, shape, Pass{}), batch, at::Reduction::Mean);
      EXPECT_NEAR(loss.item<double>(), run["losses"][step].get<double>(), kLosses)
          << run["task"] << " " << attention << " step " << step;
      loss.backward();
      optimizer.Step(LearningRate(run["learning_rate"], "linear", 0.2, step, steps), 1.0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Implementations, TaskParity,
                         testing::Values(Implementation::kAuto, Implementation::kPortable),
                         [](const auto& info) {
                           return info.param == Implementation::kAuto ? "Kernels" : "Portable";
                         });

TEST(QaWindows, AreThoseOfTheReferencesTokenizer) {
  SPARSWEEP_NEEDS(TestModel("bert-tiny"));
  const Tokenizer tokenizer = Tokenizer::Load(TestModel("bert-tiny").string()).value();
  const auto context = std::make_shared<const std::string>(Golden()["context"]);
  Questions questions;
  for (const json& golden : Golden()["questions"]) {
    const std::string answer = golden["answer"];
    const auto begin = static_cast<uint32_t>(context->find(answer));
    questions.train.push_back({answer,
                               golden["question"],
                               context,
                               {answer},
                               std::pair(begin, begin + static_cast<uint32_t>(answer.size()))});
  }
  const auto data =
      TokenizeQuestions(tokenizer, questions, Golden()["max_length"], Golden()["stride"], 2);
  ASSERT_TRUE(data.ok()) << data.status().message();
  const TokenizedSplit& train = (*data)->train;
  int64_t i = 0;
  for (size_t q = 0; q < questions.train.size(); ++q) {
    int64_t number = 0;
    for (const json& golden : Golden()["questions"][q]["windows"]) {
      ASSERT_LT(i, train.size());
      std::vector<int32_t> ids(train.ids.begin() + train.begin[i],
                               train.ids.begin() + train.begin[i + 1]);
      for (int32_t& id : ids) id = (*data)->vocabulary[id];
      EXPECT_EQ(ids, golden["ids"].get<std::vector<int32_t>>());
      EXPECT_EQ(std::vector<int32_t>(train.types.begin() + train.begin[i],
                                     train.types.begin() + train.begin[i + 1]),
                golden["types"].get<std::vector<int32_t>>());
      EXPECT_EQ(train.spans[i], (golden["answer"].get<std::pair<int32_t, int32_t>>()));
      const QaWindow& window = train.qa->windows[i];
      EXPECT_EQ(window.first, golden["first"].get<int>());
      EXPECT_EQ(window.bytes, (golden["bytes"].get<std::vector<std::pair<uint32_t, uint32_t>>>()));
      EXPECT_EQ(train.RowOf(i).row, static_cast<int64_t>(q));
      EXPECT_EQ(train.RowOf(i).window, number++);
      ++i;
    }
  }
  EXPECT_EQ(i, train.size());
  EXPECT_EQ(CountCutAnswers(train).cut, 0);
}

}  // namespace
}  // namespace sparsweep
