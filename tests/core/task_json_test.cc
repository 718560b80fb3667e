// Task files: what they may say, and what is answered when they say something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sweep_spec.h"

namespace sparsweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

FieldViolation TaskRefusal(const std::string& json) {
  const Result<TaskSpec> task = ParseTaskSpec(json);
  if (task.ok() || task.status().fields().size() != 1) return {"", "accepted or not one violation"};
  return task.status().fields()[0];
}

TEST(TaskFile, PrintsAndParsesBackToItself) {
  const Result<TaskSpec> task = ParseTaskSpec(
      R"j({"name": "x", "base_dir": "/d", "type": "classification", "files": {"train": "a"},
          "format": "jsonl", "columns": {"text": "t", "label": "l"}, "labels": ["0", "1"],
          "split": {"by": "hash", "dev": 0.2}})j");
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_EQ(task->split_dev, 0.2);
  const Result<TaskSpec> again = ParseTaskSpec(TaskSpecToJson(*task));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(*again == *task);
}

TEST(TaskFile, NamesWhatIsMissing) {
  const std::string rest = R"j("format": "tsv", "labels": ["0", "1"])j";
  const std::string columns = R"j("columns": {"text": "t", "label": "l"}, )j";
  const std::string files = R"j("files": {"train": "a", "dev": "b"}, )j";
  EXPECT_THAT(TaskRefusal("{" + columns + R"j("files": {"dev": "b"}, )j" + rest + "}").description,
              HasSubstr("no training data"));
  EXPECT_THAT(
      TaskRefusal("{" + columns + R"j("files": {"train": "b"}, )j" + rest + "}").description,
      HasSubstr("no dev data"));
  EXPECT_THAT(TaskRefusal("{" + files + R"j("columns": {"text": "t"}, )j" + rest + "}").description,
              HasSubstr("which column holds the label"));
  EXPECT_EQ(
      TaskRefusal("{" + files + columns + R"j("format": "tvs", "labels": ["0", "1"]})j").field,
      "format");
  EXPECT_THAT(
      TaskRefusal("{" + files + columns + R"j("format": "tsv", "labels": ["0"]})j").description,
      HasSubstr("at least two labels"));
  EXPECT_THAT(
      TaskRefusal("{" + files + columns + R"j("split": {"dev": 0.2}, )j" + rest + "}").description,
      HasSubstr("a dev file and a split"));
  EXPECT_EQ(TaskRefusal("{" + files + columns + R"j("split": {"dev": 2}, )j" + rest + "}").field,
            "split.dev");
}

TEST(TaskFile, OfEveryTypePrintsAndParsesBackToItself) {
  for (const char* text :
       {R"j({"type": "regression", "files": {"train": "a", "dev": "b", "test": "c"}, "format": "tsv",
             "columns": {"text": "x", "text_pair": "y", "label": "score"}, "metric": "spearman"})j",
        R"j({"type": "qa", "files": {"train": "a", "dev": "b"}, "format": "mrqa",
             "split": {"by": "half"}, "metric": "exact_match", "null_threshold": "best"})j",
        R"j({"type": "qa", "files": {"train": "a", "dev": "b"}, "format": "squad",
             "null_threshold": -1.5})j",
        R"j({"type": "mlm", "files": {"train": "a", "dev": "b"}, "format": "text"})j"}) {
    const Result<TaskSpec> task = ParseTaskSpec(text);
    ASSERT_TRUE(task.ok()) << text << task.status().message();
    const Result<TaskSpec> again = ParseTaskSpec(TaskSpecToJson(*task));
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_TRUE(*again == *task);
  }
}

TEST(Metric, LessIsBetterOfPerplexityLossTimeAndMemory) {
  for (const char* metric : {"perplexity", "loss", "latency_ms", "peak_bytes"}) {
    EXPECT_TRUE(LowerIsBetter(metric)) << metric;
  }
  for (const char* metric : {"accuracy", "f1", "matthews", "exact_match", "pearson"}) {
    EXPECT_FALSE(LowerIsBetter(metric)) << metric;
  }
}

TEST(TaskFile, ThatNamesTheUsualMetricIsTheSameTask) {
  const std::string rest = R"j("files": {"train": "a", "dev": "b"}, "format": "squad"})j";
  const auto bare = ParseTaskSpec(R"j({"type": "qa", )j" + rest);
  const auto named = ParseTaskSpec(R"j({"type": "qa", "metric": "f1", )j" + rest);
  ASSERT_TRUE(bare.ok() && named.ok());
  EXPECT_EQ(TaskSpecToJson(*named), TaskSpecToJson(*bare));
  EXPECT_EQ(PrimaryMetric(*named), "f1");
}

TEST(TaskFile, IsHeldToItsType) {
  const auto refused = [](const std::string& rest) {
    return TaskRefusal(R"j({"files": {"train": "a", "dev": "b"}, )j" + rest + "}");
  };
  EXPECT_THAT(refused(R"j("type": "qa", "format": "tsv")j").description,
              HasSubstr("a task of type qa is not read from tsv; use squad or mrqa"));
  EXPECT_THAT(refused(R"j("type": "qa", "format": "squad", "columns": {"text": "x"})j").description,
              HasSubstr("have no columns to name"));
  EXPECT_THAT(refused(R"j("type": "qa", "format": "squad", "labels": ["0", "1"])j").description,
              HasSubstr("has no classes"));
  EXPECT_THAT(refused(R"j("type": "qa", "format": "squad", "metric": "accuracy")j").description,
              HasSubstr("is not judged by accuracy; use f1 or exact_match"));
  const std::string regression =
      R"j("type": "regression", "format": "tsv", "columns": {"text": "x", "label": "y"})j";
  EXPECT_THAT(refused(regression + R"j(, "split": {"by": "half"})j").description,
              HasSubstr("only a task of type qa is split by half"));
  EXPECT_THAT(refused(regression + R"j(, "null_threshold": 1)j").description,
              HasSubstr("only a task of type qa"));
  EXPECT_THAT(refused(R"j("type": "qa", "format": "squad", "null_threshold": "most")j").description,
              HasSubstr("must be a number or \"best\""));
  EXPECT_THAT(refused(R"j("type": "mlm", "format": "jsonl")j").description,
              HasSubstr("which column holds the text"));
}

}  // namespace
}  // namespace sparsweep
