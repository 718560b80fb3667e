// Whole trials of every type of task, with test splits, and with data that does not fit its task.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "trainer/trial_run.h"

namespace sparsweep {
namespace {

using testing::HasSubstr;

class Silent : public TrialObserver {
 public:
  void OnPhase(const std::string&, int64_t, int64_t) override {}
  void OnStep(const StepReport& report) override { losses.push_back(report.loss); }
  void OnEvaluation(int64_t, double, const Metrics&) override {}
  bool Cancelled() override { return false; }
  std::vector<double> losses;
};

// Texts whose share of good words is what a label or number says.
std::string Rows(int count, int from, bool numbers) {
  std::string rows = "text\tlabel\n";
  for (int i = from; i < from + count; ++i) {
    const int good = i % 5;
    std::string text = "it was";
    for (int w = 0; w < 4; ++w) text += w < good ? " wonderful" : " terrible";
    if (i % 3 == 0) text += " indeed";
    rows += text + "\t" +
            (numbers    ? std::to_string(good) + ".5"
             : good > 2 ? "good"
                        : "bad") +
            "\n";
  }
  return rows;
}

std::string Squad(int count, int from) {
  const char* const names[] = {"Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta"};
  std::string paragraphs;
  for (int i = from; i < from + count; ++i) {
    const std::string name = names[i % 7];
    const std::string context = "In the year " + std::to_string(1900 + i) +
                                " the red house at the "
                                "river was sold. " +
                                name + " bought it, and " + names[(i + 3) % 7] +
                                " painted it blue in the autumn of the same year.";
    paragraphs += (i > from ? "," : "");
    paragraphs += R"j({"context": ")j" + context + R"j(", "qas": [{"id": "q)j" + std::to_string(i) +
                  R"j(", "question": "Who bought the house?", "answers": [{"text": ")j" + name +
                  R"j(", "answer_start": )j" + std::to_string(context.find(name)) + "}]}]}";
  }
  return R"j({"version": "1.1", "data": [{"title": "t", "paragraphs": [)j" + paragraphs + "]}]}";
}

class TaskTrials : public testing::Test {
 protected:
  void SetUp() override { SPARSWEEP_NEEDS(TestModel("bert-tiny")); }

  TrialSpec Trial(const std::string& type, const std::string& attention = "dense") {
    TrialSpec spec;
    spec.model = "bert-tiny";
    spec.task.name = "mine";
    spec.task.type = type;
    spec.task.base_dir = folder_.path().string();
    spec.task.format = type == "qa" ? "squad" : "tsv";
    if (type != "qa") spec.task.columns = {{"text", "text"}, {"label", "label"}};
    if (type == "classification") spec.task.labels = {"bad", "good"};
    spec.attention = attention;
    spec.layers = spec.heads = 2;
    spec.training.max_length = type == "qa" ? 24 : 32;
    spec.training.doc_stride = 8;
    spec.training.batch_size = 16;
    spec.training.epochs = 3;
    spec.training.learning_rate = 1e-3;
    spec.seed = 1;
    spec.device = "cpu";
    return spec;
  }
  void Give(TrialSpec* spec, const std::string& split, const std::string& content) {
    folder_.Write(split, content);
    spec->task.files[split] = {split};
  }
  std::variant<TrialResult, Failure> Run(TrialSpec spec) {
    TrialRunner runner({Catalog::DefaultFolder(), 1});
    Status filled = runner.FillFingerprints(&spec);
    EXPECT_TRUE(filled.ok()) << filled.message();
    observer_ = Silent();
    return runner.Run(spec, "attempt", observer_);
  }
  TrialResult Succeed(const TrialSpec& spec) {
    auto outcome = Run(spec);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      ADD_FAILURE() << failure->message;
      return {};
    }
    return std::get<TrialResult>(outcome);
  }
  std::string Fail(const TrialSpec& spec) {
    auto outcome = Run(spec);
    auto* failure = std::get_if<Failure>(&outcome);
    return failure ? FailureReasonName(failure->reason) + (": " + failure->message) : "none";
  }

  TempFolder folder_;
  Silent observer_;
};

TEST_F(TaskTrials, OfRegressionCorrelateAndReportTest) {
  TrialSpec spec = Trial("regression");
  Give(&spec, "train", Rows(96, 0, true));
  Give(&spec, "dev", Rows(30, 3, true));
  Give(&spec, "test", Rows(20, 7, true));
  spec.training.epochs = 6;
  const TrialResult result = Succeed(spec);
  EXPECT_EQ(result.metric, "pearson");
  EXPECT_EQ(result.value, result.metrics.at("pearson"));
  EXPECT_GT(result.value, 0.8);
  EXPECT_GT(result.metrics.at("spearman"), 0.8);
  ASSERT_TRUE(result.test_value.has_value());
  EXPECT_EQ(*result.test_value, result.test_metrics.at("pearson"));
  EXPECT_GT(*result.test_value, 0.8);
  EXPECT_EQ(result.test_examples, 20);
  EXPECT_LT(observer_.losses.back(), observer_.losses.front());

  spec.task.metric = "spearman";
  const TrialResult ranked = Succeed(spec);
  EXPECT_EQ(ranked.metric, "spearman");
  EXPECT_EQ(ranked.value, result.metrics.at("spearman"));
}

TEST_F(TaskTrials, ATestSplitChangesNothingElse) {
  for (const char* attention : {"window(2)", "random(2, each=example)"}) {
    TrialSpec spec = Trial("classification", attention);
    if (std::string(attention) != "window(2)") spec.mask_seed = 3;
    Give(&spec, "train", Rows(48, 0, false));
    Give(&spec, "dev", Rows(20, 3, false));
    const TrialResult without = Succeed(spec);
    const std::vector<double> losses = observer_.losses;
    // Longer than any other text, and with words that no other has.
    Give(&spec, "test",
         Rows(10, 1, false) +
             "a much longer text with quite a few words that nobody ever saw\tgood\n");
    const TrialResult with = Succeed(spec);
    EXPECT_EQ(observer_.losses, losses);
    EXPECT_EQ(with.metrics, without.metrics);
    EXPECT_EQ(with.attestation_root, without.attestation_root);
    EXPECT_EQ(with.masks, without.masks);
    EXPECT_EQ(with.lengths, without.lengths);
    EXPECT_FALSE(without.test_value.has_value());
    EXPECT_EQ(with.test_examples, 11);
    EXPECT_TRUE(with.test_value.has_value()) << attention;
  }
}

TEST_F(TaskTrials, OfQuestionsLearnAndCountWindowsAsExamples) {
  TrialSpec spec = Trial("qa");
  Give(&spec, "train", Squad(70, 0));
  Give(&spec, "dev", Squad(14, 70));
  Give(&spec, "test", Squad(7, 84));
  spec.training.epochs = 8;
  const TrialResult result = Succeed(spec);
  EXPECT_EQ(result.metric, "f1");
  EXPECT_EQ(result.value, result.metrics.at("f1"));
  EXPECT_GE(result.metrics.at("f1"), result.metrics.at("exact_match"));
  EXPECT_FALSE(result.metrics.contains("null_threshold"));
  EXPECT_LT(observer_.losses.back(), 0.5 * observer_.losses.front());
  EXPECT_TRUE(result.test_value.has_value());
  EXPECT_GT(result.train_examples, 70) << "windows";
  int64_t windows = 0;
  for (const auto& [length, count] : result.lengths) windows += count;
  EXPECT_EQ(windows, result.train_examples + result.eval_examples);
  EXPECT_EQ(result.warnings, std::vector<std::string>());
}

TEST_F(TaskTrials, OfQuestionsDrawAMaskForEachWindow) {
  TrialSpec spec = Trial("qa", "random(3, each=example)");
  spec.mask_seed = 1;
  Give(&spec, "train", Squad(6, 0));
  Give(&spec, "dev", Squad(3, 6));
  spec.training.max_steps = 2;
  const TrialResult result = Succeed(spec);
  EXPECT_LT(result.density, 0.5);
  EXPECT_EQ(result.attestation_root.size(), 64u);
}

TEST_F(TaskTrials, SayWhichAnswersEveryWindowCuts) {
  TrialSpec spec = Trial("qa");
  const std::string context =
      "one two three four five six seven eight nine ten eleven twelve "
      "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty";
  const std::string answer = context.substr(4, context.find(" twenty") - 4);
  Give(&spec, "train",
       R"j({"data": [{"paragraphs": [{"context": ")j" + context + R"j(", "qas": [
           {"id": "a", "question": "Which?", "answers": [{"text": ")j" +
           answer +
           R"j(", "answer_start": 4}]}, {"id": "b", "question": "Which one?",
           "answers": [{"text": "six", "answer_start": 24}]}]}]}]})j");
  Give(&spec, "dev", Squad(3, 0));
  spec.training.max_length = 20;
  spec.training.doc_stride = 4;
  spec.training.max_steps = 1;
  const TrialResult result = Succeed(spec);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_THAT(result.warnings[0], HasSubstr("1 of 2 training answers are cut by every window"));
}

TEST_F(TaskTrials, FailForTheirData) {
  TrialSpec qa = Trial("qa");
  Give(&qa, "train", R"j({"data": [{"paragraphs": [{"context": "a b", "qas": [{"id": "q",
      "question": "Who?", "answers": [{"text": "c", "answer_start": 0}]}]}]}]})j");
  Give(&qa, "dev", Squad(2, 0));
  EXPECT_THAT(Fail(qa), testing::StartsWith("data: "));
  EXPECT_THAT(Fail(qa), HasSubstr("question \"q\": the answer \"c\" is not in its context"));
  Give(&qa, "train", Squad(2, 0));
  qa.training.max_length = 12;
  EXPECT_THAT(Fail(qa), HasSubstr("data: question \"q0\": its 5 tokens leave 4 of max_length 12"));
  EXPECT_THAT(Fail(qa), HasSubstr("raise max_length or lower doc_stride"));

  TrialSpec classes = Trial("classification");
  Give(&classes, "train", "text\tlabel\nfine\tgood\nwell\tgood\n");
  Give(&classes, "dev", "text\tlabel\nfine\tgood\nawful\tbad\n");
  EXPECT_THAT(Fail(classes), HasSubstr("dev:3: label \"bad\" occurs in dev and in no training"));
  Give(&classes, "dev", "text\tlabel\nfine\tgreat\n");
  EXPECT_THAT(Fail(classes), HasSubstr("dev:2: label \"great\" is none of: bad, good"));

  TrialSpec numbers = Trial("regression");
  Give(&numbers, "train", "text\tlabel\nfine\t1.5\nwell\tmuch\n");
  Give(&numbers, "dev", Rows(4, 0, true));
  EXPECT_THAT(Fail(numbers), HasSubstr("data: "));
  EXPECT_THAT(Fail(numbers), HasSubstr("train:3: label \"much\" is not a number"));
}

TEST_F(TaskTrials, OfQuestionsRefuseMasksOfWords) {
  TrialSpec spec = Trial("qa", "lexical(2)");
  Give(&spec, "train", Squad(2, 0));
  Give(&spec, "dev", Squad(2, 2));
  EXPECT_THAT(Fail(spec), HasSubstr("refused: \"lexical(2)\": masks of words are not available"));
}

TEST_F(TaskTrials, ThatDivergeSaySo) {
  for (const char* type : {"regression", "qa"}) {
    TrialSpec spec = Trial(type);
    const bool qa = spec.task.type == "qa";
    Give(&spec, "train", qa ? Squad(20, 0) : Rows(40, 0, true));
    Give(&spec, "dev", qa ? Squad(5, 20) : Rows(10, 0, true));
    spec.training.learning_rate = 1e30;
    spec.training.warmup = 0;
    EXPECT_THAT(Fail(spec), testing::StartsWith("diverged: ")) << type;
  }
}

}  // namespace
}  // namespace sparsweep
