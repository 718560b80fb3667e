// Sweep files: what they may say, and what is answered when they say something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sweep_spec.h"
#include "tests/core/fake_resolver.h"

namespace sparsweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The only violation of a refused file.
FieldViolation Refusal(const std::string& json) {
  const Result<SweepSpec> spec = ParseSweepSpec(json);
  if (spec.ok()) return {"", "was accepted"};
  EXPECT_EQ(spec.status().code(), StatusCode::kInvalidArgument);
  if (spec.status().fields().size() != 1) return {"", spec.status().message()};
  return spec.status().fields()[0];
}

TEST(SweepJson, WhatTrialsNeedAndTheLimitsOfASweep) {
  const auto spec = ParseSweepSpec(
      R"j({"name": "n", "model": "m", "task": "t", "weight": 0.5, "max_running": 4,
           "needs": {"memory": "1.5 GiB", "device": "cuda", "labels": {"rack": "b"}},
           "time_limit": 3600, "idle_limit": 60.5, "max_failed_share": 0.25, "fresh": true})j");
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->weight, 0.5);
  EXPECT_EQ(spec->max_running, 4);
  EXPECT_EQ(spec->needs.memory_bytes, 1'610'612'736);
  EXPECT_EQ(spec->needs.device, "cuda");
  EXPECT_EQ(spec->needs.labels, (std::map<std::string, std::string>{{"rack", "b"}}));
  EXPECT_EQ(spec->time_limit, 3600);
  EXPECT_EQ(spec->idle_limit, 60.5);
  EXPECT_EQ(spec->max_failed_share, 0.25);
  EXPECT_TRUE(spec->fresh);
  const auto again = ParseSweepSpec(SweepSpecToJson(*spec));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(*again, *spec);
}

TEST(SweepFile, OfThreeFieldsHasTheDocumentedDefaults) {
  const Result<SweepSpec> spec = ParseSweepSpec(SweepFile(""));
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->kind, "finetune");
  EXPECT_EQ(spec->attention, "dense");
  EXPECT_EQ(spec->baseline, "dense");
  EXPECT_EQ(spec->device, "auto");
  EXPECT_EQ(spec->priority, 0);
  EXPECT_THAT(spec->seeds, ElementsAre(1, 2, 3));
  EXPECT_THAT(spec->mask_seeds, ElementsAre(0));
  EXPECT_TRUE(spec->training == TrainingOptions());
}

TEST(SweepFile, MayHoldComments) {
  EXPECT_TRUE(
      ParseSweepSpec("// first\n" + SweepFile("/* here */ \"seeds\": 1 // and here\n")).ok());
}

TEST(SweepFile, ReadsEveryField) {
  const Result<SweepSpec> spec = ParseSweepSpec(R"j({
    "name": "all", "kind": "finetune", "model": "/m", "baseline": "none", "device": "cuda",
    "task": {"files": {"train": "a.tsv", "dev": ["b.tsv", "c.tsv"]}, "format": "csv",
             "columns": {"text": "s1", "text_pair": "s2", "label": "y", "id": "n"},
             "labels": ["no", "yes"]},
    "attention": "window($w)", "axes": {"w": [3, 1.0], "learning_rate": [1e-5, 0.5]},
    "where": ["w > 0"], "seeds": [7, 9007199254740991], "mask_seeds": 2, "priority": -5,
    "training": {"epochs": 4, "max_steps": 10, "batch_size": 8, "max_length": 64,
      "learning_rate": 0.001, "warmup": 0, "schedule": "constant", "weight_decay": 0.1, "clip": 0,
      "dropout": 0, "pooling": "mean", "precision": "float32", "train_examples": 100}})j");
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->model, "/m");
  const auto& task = std::get<TaskSpec>(spec->task);
  EXPECT_THAT(task.files.at("train"), ElementsAre("a.tsv"));
  EXPECT_THAT(task.files.at("dev"), ElementsAre("b.tsv", "c.tsv"));
  EXPECT_EQ(task.columns.at("text_pair"), "s2");
  EXPECT_THAT(task.labels, ElementsAre("no", "yes"));
  ASSERT_EQ(spec->axes.size(), 2u);
  EXPECT_EQ(spec->axes[0].name, "learning_rate");  // index order: by the bytes of the names
  EXPECT_THAT(spec->axes[1].values, ElementsAre(AxisValue(3.0), AxisValue(1.0)));
  EXPECT_THAT(spec->seeds, ElementsAre(7, 9007199254740991));
  EXPECT_THAT(spec->mask_seeds, ElementsAre(0, 1));
  EXPECT_EQ(spec->priority, -5);
  const TrainingOptions expected = {4,   10, 8, 64,     0.001,     0,  "constant",
                                    0.1, 0,  0, "mean", "float32", 100};
  EXPECT_TRUE(spec->training == expected);
}

TEST(SweepFile, PrintsAndParsesBackToItself) {
  const Result<SweepSpec> spec = ParseSweepSpec(SweepFile(
      R"j("attention": "$x: window($w)", "axes": {"x": ["all", "last 1"], "w": [1, 2],
         "learning_rate": [1e-7, 3e-5]}, "where": ["w > 1 or x == 'all'"], "seeds": [5],
         "training": {"epochs": 1})j"));
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  const std::string printed = SweepSpecToJson(*spec);
  const Result<SweepSpec> again = ParseSweepSpec(printed);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_TRUE(*again == *spec);
  EXPECT_EQ(SweepSpecToJson(*again), printed);
  EXPECT_EQ(printed.find('\n'), std::string::npos);
}

TEST(SweepFile, EqualSpecsPrintEqualText) {
  const auto a = ParseSweepSpec(R"j({"name":"n","model":"m","task":"t","seeds":3})j");
  const auto b = ParseSweepSpec(R"j({"task":"t","seeds":[1,2,3.0],"model":"m","name":"n"})j");
  EXPECT_EQ(SweepSpecToJson(*a), SweepSpecToJson(*b));
}

TEST(SweepFile, SyntaxErrorsGiveLineAndColumn) {
  const Result<SweepSpec> spec = ParseSweepSpec("{\n  \"name\": \"x\",\n  \"model\" \"y\"\n}");
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(spec.status().message(), testing::StartsWith("sweep file: line 3, column 13: "));
  EXPECT_EQ(spec.status().message().find("json.exception"), std::string::npos);
}

TEST(SweepFile, IsRefusedWhereItIsNoObjectOrNoJson) {
  EXPECT_THAT(Refusal("[1]").description, HasSubstr("must be an object"));
  for (const char* text : {"", "{", "{\"name\": 1e999}", "{\"a\": \"\xff\"}", "{}}"}) {
    const Result<SweepSpec> spec = ParseSweepSpec(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.status().message().find("json.exception"), std::string::npos)
        << spec.status().message();
  }
  const std::string deep =
      SweepFile("\"axes\": " + std::string(5000, '[') + std::string(5000, ']'));
  EXPECT_THAT(ParseSweepSpec(deep).status().message(), HasSubstr("nested deeper"));
}

struct Bad {
  const char* rest;  // after name, model and task
  const char* field;
  const char* sentence;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.rest; }
class BadSweepFile : public testing::TestWithParam<Bad> {};

TEST_P(BadSweepFile, NamesTheFieldAndTheRemedy) {
  const FieldViolation violation = Refusal(SweepFile(GetParam().rest));
  EXPECT_EQ(violation.field, GetParam().field);
  EXPECT_THAT(violation.description, HasSubstr(GetParam().sentence));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadSweepFile,
    testing::Values(
        // Unknown and doubled fields.
        Bad{R"j("trainin": {})j", "trainin",
            "unknown field \"trainin\"; did you mean \"training\"?"},
        Bad{R"j("training": {"epoch": 1})j", "training.epoch", "did you mean \"epochs\"?"},
        Bad{R"j("seeds": 1, "seeds": 2)j", "seeds", "seeds is given twice"},
        Bad{R"j("axes": {"w": [1], "w": [2]})j", "axes.w", "axes.w is given twice"},
        Bad{R"j("training": {"epochs": 1, "clip": 1, "epochs": 2})j", "training.epochs", "twice"},
        // Kinds and what goes with them.
        Bad{R"j("kind": "finetun")j", "kind", "did you mean \"finetune\"?"},
        Bad{R"j("kind": "profile")j", "profile", "add \"profile\": {\"lengths\""},
        Bad{R"j("infer": {"lengths": [8]})j", "infer", "of kind \"finetune\" has no \"infer\""},
        Bad{R"j("kind": "infer", "infer": {"lengths": []})j", "infer.lengths", "a list of 1 to"},
        Bad{R"j("kind": "infer", "infer": {"lengths": [8, 8]})j", "infer.lengths[1]", "twice"},
        Bad{R"j("kind": "infer", "infer": {"batch_sizes": [1]})j", "infer.lengths", "no lengths"},
        Bad{R"j("kind": "infer", "infer": {"lengths": [8], "batch_size": [1]})j", "infer.batch_size",
            "did you mean \"batch_sizes\"?"},
        Bad{R"j("kind": "profile", "profile": {"lengths": [96], "tokens": 128})j",
            "profile.tokens", "no whole number of examples of length 96"},
        Bad{R"j("training": {"freeze": 1})j", "training.freeze", "1 must be a string"},
        Bad{R"j("training": {"freeze": "first 0"})j", "training.freeze",
            "none of: none, embeddings, first N, embeddings + first N"},
        Bad{R"j("training": {"freeze": "first 2 + embeddings"})j", "training.freeze", "none of"},
        Bad{R"j("training": {"precision": "float16"})j", "training.precision",
            "did you mean \"bfloat16\"?"},
        Bad{R"j("training": {"accumulate": 0})j", "training.accumulate",
            "0 is not between 1 and 65536"},
        Bad{R"j("training": {"checkpointing": true})j", "training.checkpointing",
            "must be a string"},
        Bad{R"j("training": {"layer_decay": 1.5})j", "training.layer_decay",
            "1.5 is not between 0.01 and 1"},
        Bad{R"j("axes": {"select": [1]})j", "axes.select", "axis \"select\" is not used"},
        Bad{R"j("training": {"select": {"by": "dev"}})j", "training.select.over",
            "nothing to select over"},
        Bad{R"j("axes": {"learning_rate": [1, 2]}, "training": {"select": {"over": ["learnin"]}})j",
            "training.select.over", "there is no axis \"learnin\" to select over"},
        Bad{R"j("axes": {"learning_rate": [1, 2]},
                "training": {"select": {"over": ["learning_rate"], "by": "test"}})j",
            "training.select.by", "\"test\" is not valid"},
        Bad{R"j("keep": "all")j", "keep", "\"all\" is not valid"},
        Bad{R"j("threads": -1)j", "threads", "-1 is not between 0 and 1024"},
        // Wrong types and ranges.
        Bad{R"j("training": {"batch_size": "32"})j", "training.batch_size",
            "\"32\" (a string) must be a whole number"},
        Bad{R"j("training": {"batch_size": 3.5})j", "training.batch_size",
            "3.5 is not a whole number"},
        Bad{R"j("training": {"batch_size": 0})j", "training.batch_size",
            "0 is not between 1 and 65536"},
        Bad{R"j("training": {"dropout": 1})j", "training.dropout", "between 0 and 1 (exclusive)"},
        Bad{R"j("training": {"epochs": 1.5})j", "training.epochs", "1.5 is not a whole number"},
        Bad{R"j("training": {"epochs": [2]})j", "training.epochs", "a list must be a number"},
        Bad{R"j("training": {"pooling": "men"})j", "training.pooling", "did you mean \"mean\"?"},
        Bad{R"j("training": 3)j", "training", "3 must be an object"},
        Bad{R"j("attention": 3)j", "attention", "3 must be a string"},
        Bad{R"j("where": "w > 1")j", "where", "must be a list of strings"},
        Bad{R"j("where": [1])j", "where[0]", "1 must be a string"},
        Bad{R"j("baseline": "sparse")j", "baseline", "\"sparse\" is not valid"},
        Bad{R"j("device": "gpu")j", "device", "\"gpu\" is not valid"},
        Bad{R"j("priority": 1e9)j", "priority", "1000000000 is not between -1000 and 1000"},
        Bad{R"j("weight": 0)j", "weight", "0 is not between 0.001 and 1000"},
        Bad{R"j("time_limit": -1)j", "time_limit", "-1 is not between 0 and 1000000000"},
        Bad{R"j("max_failed_share": 1.5)j", "max_failed_share", "1.5 is not between 0 and 1"},
        Bad{R"j("fresh": "yes")j", "fresh", "must be true or false"},
        Bad{R"j("needs": {"memory": "4 GB"})j", "needs.memory", "write \"4 GiB\""},
        Bad{R"j("needs": {"memory": "GiB"})j", "needs.memory", "write \"4 GiB\""},
        Bad{R"j("needs": {"device": "gpu"})j", "needs.device", "\"gpu\" is not valid"},
        Bad{R"j("needs": {"labels": {"rack": 3}})j", "needs.labels.rack", "must be a string"},
        Bad{R"j("needs": {"disk": 3})j", "needs.disk", "unknown field"},
        // Seeds.
        Bad{R"j("seeds": 0)j", "seeds", "0 is not between 1 and 10000"},
        Bad{R"j("seeds": [])j", "seeds", "1 to 10000"},
        Bad{R"j("seeds": [1, 2, 1])j", "seeds[2]", "1 is listed twice"},
        Bad{R"j("seeds": [-1])j", "seeds[0]", "-1 is not between 0 and 9007199254740991"},
        Bad{R"j("seeds": [9007199254740992])j", "seeds[0]", "is not between"},
        Bad{R"j("mask_seeds": [9007199254740992])j", "mask_seeds[0]",
            "is not between 0 and 9007199254740991"},
        Bad{R"j("mask_seeds": [0, -1])j", "mask_seeds[1]", "-1 is not between"},
        Bad{R"j("mask_seeds": "one")j", "mask_seeds", "a number of seeds or a list"},
        // Axes.
        Bad{R"j("axes": [1])j", "axes", "must be an object"},
        Bad{R"j("axes": {"w": 3}, "attention": "window($w)")j", "axes.w",
            "3 must be a list of values"},
        Bad{R"j("axes": {"w": []}, "attention": "window($w)")j", "axes.w",
            "axis \"w\" has no values"},
        Bad{R"j("axes": {"w": [1, null]}, "attention": "window($w)")j", "axes.w[1]",
            "null must be"},
        Bad{R"j("axes": {"w": [1, 2, 1.0]}, "attention": "window($w)")j", "axes.w[2]", "twice"},
        Bad{R"j("axes": {"2w": [1]})j", "axes.2w", "no name for an axis"},
        Bad{R"j("axes": {"w": [1]})j", "axes.w", "axis \"w\" is not used"},
        Bad{R"j("axes": {"learnin_rate": [1]})j", "axes.learnin_rate",
            "did you mean \"learning_rate\"?"},
        Bad{R"j("axes": {"warmup": [0]}, "attention": "window($warmup)")j", "axes.warmup",
            "is a parameter and occurs as $warmup in attention"},
        Bad{R"j("axes": {"batch_size": [8, 8.5]})j", "axes.batch_size[1]",
            "8.5 is not a whole number"},
        Bad{R"j("axes": {"model": [1]})j", "axes.model[0]", "1 must be a string"},
        Bad{R"j("attention": "window($w)")j", "attention", "there is no axis \"w\" for $w"},
        // Where.
        Bad{R"j("where": ["w > 1"])j", "where[0]", "there is no axis \"w\""},
        Bad{R"j("where": ["1 <"])j", "where[0]", "column 4 of '1 <'"}));

TEST(SweepFile, NamesTheNearestAxisForAMisspeltOne) {
  const Result<SweepSpec> spec =
      ParseSweepSpec(SweepFile(R"j("attention": "window($widt)", "axes": {"width": [1]})j"));
  ASSERT_EQ(spec.status().fields().size(), 2u);
  EXPECT_EQ(spec.status().fields()[0].field, "attention");
  EXPECT_THAT(spec.status().fields()[0].description, HasSubstr("did you mean \"width\"?"));
  EXPECT_EQ(spec.status().fields()[1].field, "axes.width");
}

TEST(SweepFile, ReportsAllViolationsAtOnce) {
  const Result<SweepSpec> spec = ParseSweepSpec(R"j({"model": 1, "task": "t", "sedes": 1})j");
  std::vector<std::string> fields;
  for (const auto& violation : spec.status().fields()) fields.push_back(violation.field);
  EXPECT_THAT(fields, testing::UnorderedElementsAre("name", "model", "sedes"));
  EXPECT_THAT(spec.status().message(), HasSubstr("(and 2 more)"));
}

TEST(SweepFile, MissesNameModelOrTask) {
  EXPECT_EQ(Refusal(R"j({"model": "m", "task": "t"})j").field, "name");
  EXPECT_EQ(Refusal(R"j({"name": "n", "task": "t"})j").field, "model");
  EXPECT_EQ(Refusal(R"j({"name": "n", "model": "m"})j").field, "task");
  EXPECT_TRUE(ParseSweepSpec(R"j({"name": "n", "axes": {"model": ["a"], "task": ["b"]}})j").ok());
}

TEST(SweepFile, OfMoreThanTenMillionCellsIsRefused) {
  std::string values = "[0";
  for (int i = 1; i < 4000; ++i) values += "," + std::to_string(i);
  values += "]";
  const FieldViolation violation =
      Refusal(SweepFile("\"attention\": \"window($a) + random($b)\", \"axes\": {\"a\": " + values +
                        ", \"b\": " + values + "}"));
  EXPECT_EQ(violation.field, "axes");
  EXPECT_THAT(violation.description, HasSubstr("16000000 cells; the limit is 10000000"));
}

TEST(AxisValues, AreSplicedAsIntegersOrShortestPlainDecimals) {
  EXPECT_EQ(AxisValueText(3.0), "3");
  EXPECT_EQ(AxisValueText(-0.0), "0");
  EXPECT_EQ(AxisValueText(1e20), "100000000000000000000");
  EXPECT_EQ(AxisValueText(0.1), "0.1");
  EXPECT_EQ(AxisValueText(3e-5), "0.00003");
  EXPECT_EQ(AxisValueText(std::string("last 1")), "last 1");
  EXPECT_EQ(AxisValueText(true), "true");
}

TEST(SweepFile, OfEveryKindPrintsAndParsesBackToItself) {
  for (const char* text :
       {R"j({"name": "n", "kind": "profile", "model": "m", "attention": "block(2)", "threads": 2,
             "profile": {"lengths": [128, 512], "tokens": 1024}})j",
        R"j({"name": "n", "kind": "infer", "model": "m", "infer": {"lengths": [128], "batch_sizes": [4],
             "repetitions": 3, "warmup": 0}})j",
        R"j({"name": "n", "kind": "pretrain", "model": "m", "task": "t", "keep": "last",
             "training": {"init": "random", "checkpoint_every": 100, "eval_every": 50}})j",
        R"j({"name": "n", "model": "best:3", "task": "t", "axes": {"learning_rate": [1, 2],
             "freeze": ["none", "embeddings + first 2"]},
             "training": {"precision": "bfloat16", "accumulate": 4, "checkpointing": "on",
                          "layer_decay": 0.9, "early_stop": 2, "report": "best", "doc_stride": 64,
                          "select": {"over": ["learning_rate"]}}})j"}) {
    const Result<SweepSpec> spec = ParseSweepSpec(text);
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    const Result<SweepSpec> again = ParseSweepSpec(SweepSpecToJson(*spec));
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(*again, *spec) << text;
  }
}

TEST(SweepFile, ThatSaysNothingNewHasTheTextItHadBefore) {
  const std::string text = SweepSpecToJson(*ParseSweepSpec(R"j({"name": "n", "model": "m", "task": "t"})j"));
  for (const char* later : {"accumulate", "freeze", "select", "keep", "threads", "profile", "init"}) {
    EXPECT_EQ(text.find(later), std::string::npos) << later;
  }
}

TEST(TaskFile, InsideASweepFileIsReportedWithItsPath) {
  EXPECT_EQ(Refusal(R"j({"name": "n", "model": "m", "task": {"columns": {"txt": "a"}}})j").field,
            "task.columns.txt");
}

}  // namespace
}  // namespace sparsweep
