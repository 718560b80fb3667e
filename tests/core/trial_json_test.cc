// Trials and results as JSON: what is written is what is read, and nothing less is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/trial.h"

namespace sparsweep {
namespace {

using testing::HasSubstr;

TrialSpec ATrial() {
  TrialSpec trial;
  trial.identity = std::string(64, '1');
  trial.model = "bert-tiny";
  trial.model_fingerprint = std::string(64, '2');
  trial.task.name = "sentences3k";
  trial.task.files = {{"train", {"s.jsonl"}}};
  trial.task.format = "jsonl";
  trial.task.columns = {{"text", "text"}, {"label", "class"}};
  trial.task.labels = {"0", "1"};
  trial.task.split_dev = 0.2;
  trial.data_fingerprint = std::string(64, '3');
  trial.attention = "layer 1: window(3)";
  trial.layers = 2;
  trial.heads = 2;
  trial.training.learning_rate = 1e-3;
  trial.training.pooling = "mean";
  trial.seed = 9007199254740991;
  trial.mask_seed = 4;
  trial.device = "cpu";
  return trial;
}

TEST(TrialJson, RoundTripsATrial) {
  const std::string json = TrialSpecToJson(ATrial());
  const Result<TrialSpec> read = ParseTrialSpec(json);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(TrialSpecToJson(*read), json);
  EXPECT_EQ(read->identity, ATrial().identity);
  EXPECT_EQ(read->seed, 9007199254740991u);
  EXPECT_EQ(read->mask_seed, std::optional<uint64_t>(4));
  EXPECT_TRUE(read->task == ATrial().task);
  EXPECT_TRUE(read->training == ATrial().training);
  EXPECT_EQ(read->layers, 2);
  EXPECT_EQ(read->device, "cpu");
}

TEST(TrialJson, OfAPlanWithoutDrawsHasNoMaskSeed) {
  TrialSpec trial = ATrial();
  trial.mask_seed.reset();
  const std::string json = TrialSpecToJson(trial);
  EXPECT_EQ(json.find("mask_seed"), std::string::npos);
  EXPECT_FALSE(ParseTrialSpec(json)->mask_seed.has_value());
}

TEST(TrialJson, RoundTripsWhatOnlySomeTrialsSay) {
  TrialSpec trial = ATrial();
  trial.threads = 2;
  trial.keep = "best";
  trial.model_files = {{"config.json", std::string(64, '7')}};
  trial.training.freeze = "first 2";
  const std::string json = TrialSpecToJson(trial);
  Result<TrialSpec> read = ParseTrialSpec(json);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(TrialSpecToJson(*read), json);
  EXPECT_EQ(read->threads, 2);
  EXPECT_EQ(read->keep, "best");
  EXPECT_EQ(read->model_files, trial.model_files);
  EXPECT_EQ(read->training.freeze, "first 2");

  TrialSpec measuring = ATrial();
  measuring.kind = "profile";
  measuring.task = TaskSpec();
  measuring.profile = ProfileGrid{{128, 512}, 1024};
  read = ParseTrialSpec(TrialSpecToJson(measuring));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->profile, measuring.profile);
  EXPECT_FALSE(HasTask(*read));
}

TEST(TrialJson, RefusesATrialThatLacksAnyField) {
  const nlohmann::json whole = nlohmann::json::parse(TrialSpecToJson(ATrial()));
  for (const auto& [name, value] : whole.items()) {
    if (name == "mask_seed") continue;
    nlohmann::json cut = whole;
    cut.erase(name);
    const Result<TrialSpec> read = ParseTrialSpec(cut.dump());
    ASSERT_FALSE(read.ok()) << name;
    EXPECT_EQ(read.status().fields()[0].field, name);
  }
  nlohmann::json cut = whole;
  cut["training"].erase("clip");
  EXPECT_EQ(ParseTrialSpec(cut.dump()).status().fields()[0].field, "training.clip");
  EXPECT_FALSE(ParseTrialSpec("3").ok());
  EXPECT_FALSE(ParseTrialSpec("{").ok());
}

TrialResult AResult() {
  TrialResult result;
  result.metric = "accuracy";
  result.value = 0.1 + 0.2;  // no short decimal
  result.metrics = {{"accuracy", 0.1 + 0.2}, {"loss", 1e-9}, {"f1", 1.0 / 3}};
  result.density = 0.25;
  result.density_padded = 0.125;
  result.tile_sparsity = 0.5;
  result.flops = 1.5e15;
  result.load_seconds = 1;
  result.tokenize_seconds = 2;
  result.plan_seconds = 3;
  result.train_seconds = 4.5;
  result.eval_seconds = 5;
  result.attest_seconds = 6;
  result.peak_bytes = 7'000'000'000;
  result.steps = 150;
  result.train_examples = 2400;
  result.eval_examples = 600;
  result.device = "cpu: a \"name\"";
  result.threads = 2;
  result.versions = {{"sparsweep", "0.1"}, {"libtorch", "2.11.0"}};
  result.attestation_root = std::string(64, 'f');
  result.masks = {{0, 1, 123456789012, 0.5, 3, 0.25, "masked", "ab"},
                  {1, 0, 5, 1, 0, 0, "dense", "cd"}};
  result.lengths = {{7, 3}, {12, 40}};
  return result;
}

TEST(TrialJson, RoundTripsAResultToTheLastDigit) {
  const std::string json = TrialResultToJson(AResult());
  const Result<TrialResult> read = ParseTrialResult(json);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(TrialResultToJson(*read), json);
  EXPECT_EQ(read->value, 0.1 + 0.2);
  EXPECT_EQ(read->metrics, AResult().metrics);
  EXPECT_EQ(read->masks, AResult().masks);
  EXPECT_EQ(read->lengths, AResult().lengths);
  EXPECT_EQ(read->versions, AResult().versions);
  EXPECT_EQ(read->peak_bytes, 7'000'000'000);
  EXPECT_EQ(read->flops, 1.5e15);
  EXPECT_EQ(read->device, "cpu: a \"name\"");
}

TEST(TrialJson, RoundTripsWhatOnlySomeResultsSay) {
  EXPECT_EQ(TrialResultToJson(AResult()).find("warnings"), std::string::npos);
  EXPECT_EQ(TrialResultToJson(AResult()).find("parsed_share"), std::string::npos);
  TrialResult result = AResult();
  result.warnings = {"window(3): is dense at length 4", "another"};
  result.parsed_share = 0;
  const Result<TrialResult> read = ParseTrialResult(TrialResultToJson(result));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->warnings, result.warnings);
  EXPECT_EQ(read->parsed_share, std::optional<double>(0));
  EXPECT_EQ(ParseTrialResult(TrialResultToJson(AResult()))->parsed_share, std::nullopt);
}

TEST(TrialJson, RoundTripsTestValuesMeasurementsAndCheckpoints) {
  const std::string bare = TrialResultToJson(AResult());
  for (const char* later : {"\"test_", "reported", "plan_wait", "first_step", "measurements",
                            "checkpoint", "predictions"}) {
    EXPECT_EQ(bare.find(later), std::string::npos) << later;
  }
  TrialResult result = AResult();
  result.test_value = 0;
  result.test_metrics = {{"accuracy", 0}, {"f1", 0.25}};
  result.test_examples = 12;
  result.reported = "best";
  result.reported_epoch = 2;
  result.plan_wait_seconds = 0.5;
  result.first_step_ms = 41.5;
  result.measurements = {{128, 8, "block", false, {{"forward_ms", 1.5}}},
                         {4096, 1, "dense", true, {}}};
  result.checkpoint = {std::string(64, '1'), {{"config.json", std::string(64, '2')}}};
  result.predictions = std::string(64, '3');
  const Result<TrialResult> read = ParseTrialResult(TrialResultToJson(result));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(TrialResultToJson(*read), TrialResultToJson(result));
  EXPECT_EQ(read->test_value, std::optional<double>(0));
  EXPECT_EQ(read->measurements, result.measurements);
  EXPECT_EQ(read->checkpoint, result.checkpoint);
  EXPECT_EQ(read->reported_epoch, 2);
}

DegreeRow ADegreeRow() {
  DegreeRow row;
  row.epoch = 2;
  row.layer = 1;
  row.heads = {0, 3};
  row.distribution = {100'000, 0, 900'000};
  row.expected_density = 1.0 / 3;
  row.hardened_density = 0.25;
  row.soft_value = 0.75;
  row.hardened_value = 0.5;
  return row;
}

// What a peer names is written below a folder of ours.
TEST(TrialJson, RefusesFilesOutsideTheirFolder) {
  for (const char* name : {"../config.json", "a/b", "..", ""}) {
    TrialSpec trial = ATrial();
    trial.model_files = {{name, std::string(64, '7')}};
    EXPECT_THAT(ParseTrialSpec(TrialSpecToJson(trial)).status().message(),
                HasSubstr("is not the name of a file"));
    TrialResult result = AResult();
    result.checkpoint = {std::string(64, '1'), {{name, std::string(64, '2')}}};
    EXPECT_THAT(ParseTrialResult(TrialResultToJson(result)).status().message(),
                HasSubstr("is not the name of a file"));
  }
  TrialSpec trial = ATrial();
  trial.model_files = {{"config.json", std::string(64, '7')}};
  trial.model_fingerprint = "../" + std::string(61, '6');
  EXPECT_THAT(ParseTrialSpec(TrialSpecToJson(trial)).status().message(),
              HasSubstr("model_fingerprint"));
}

TEST(TrialJson, RoundTripsLearnedDegrees) {
  EXPECT_EQ(TrialResultToJson(AResult()).find("degrees"), std::string::npos);
  TrialResult result = AResult();
  DegreeRow span = ADegreeRow(), thinned = ADegreeRow();
  span.distribution.clear();
  span.span = 3.25;
  thinned.distribution.clear();
  result.degrees = {ADegreeRow(), span, thinned};
  const Result<TrialResult> read = ParseTrialResult(TrialResultToJson(result));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->degrees, result.degrees);
}

TEST(TrialJson, RefusesDegreesThatAreNoDistribution) {
  TrialResult result = AResult();
  result.degrees = {ADegreeRow()};
  const nlohmann::json whole = nlohmann::json::parse(TrialResultToJson(result));
  const auto refusal = [&](const char* name, nlohmann::json value) {
    nlohmann::json bad = whole;
    bad["degrees"][0][name] = std::move(value);
    const auto read = ParseTrialResult(bad.dump());
    return read.ok() ? "" : read.status().fields()[0].field;
  };
  EXPECT_EQ(refusal("distribution", {100'000, 899'999}), "degrees[0].distribution");
  EXPECT_EQ(refusal("distribution", {-1, 1'000'001}), "degrees[0].distribution[0]");
  EXPECT_EQ(refusal("distribution", 3), "degrees[0].distribution");
  EXPECT_EQ(refusal("heads", {"a"}), "degrees[0].heads[0]");
  EXPECT_EQ(refusal("span", "x"), "degrees[0].span");
}

TEST(TrialJson, ReadsTrialsOfBeforeDegreesWereLearned) {
  nlohmann::json old = nlohmann::json::parse(TrialSpecToJson(ATrial()));
  old["training"].erase("lambda");
  old["training"].erase("degree_lr");
  const Result<TrialSpec> read = ParseTrialSpec(old.dump());
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->training.lambda, 0);
  EXPECT_EQ(read->training.degree_lr, 0.1);
}

TEST(TrialJson, RefusesAResultThatLacksAnyField) {
  const nlohmann::json whole = nlohmann::json::parse(TrialResultToJson(AResult()));
  for (const auto& [name, value] : whole.items()) {
    nlohmann::json cut = whole;
    cut.erase(name);
    const Result<TrialResult> read = ParseTrialResult(cut.dump());
    ASSERT_FALSE(read.ok()) << name;
    EXPECT_EQ(read.status().fields()[0].field, name);
  }
}

TEST(TrialJson, RefusesAResultOfWrongTypes) {
  nlohmann::json bad = nlohmann::json::parse(TrialResultToJson(AResult()));
  bad["value"] = nullptr;
  bad["masks"][1]["kept"] = -1;
  bad["lengths"]["x"] = 1;
  bad["threads"] = 1e300;
  bad["versions"] = 1;
  const Result<TrialResult> read = ParseTrialResult(bad.dump());
  std::vector<std::string> fields;
  for (const auto& violation : read.status().fields()) fields.push_back(violation.field);
  EXPECT_THAT(fields, testing::UnorderedElementsAre("value", "masks[1].kept", "lengths.x",
                                                    "threads", "versions"));
}

TEST(FailureReasons, HaveTheNamesOfTheDesign) {
  const std::vector<std::string> names = {"out_of_memory", "diverged", "data",
                                          "attestation",   "timeout",  "crashed",
                                          "lost",          "refused",  "interrupted"};
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(FailureReasonName(static_cast<FailureReason>(i)), names[i]);
    EXPECT_EQ(ParseFailureReason(names[i]), static_cast<FailureReason>(i));
  }
  EXPECT_STREQ(FailureReasonName(FailureReason::kInterrupted), "interrupted");
  EXPECT_EQ(ParseFailureReason("Diverged"), std::nullopt);
}

TEST(CanonicalJson, FollowsRfc8785) {
  // The sample of RFC 8785, section 3.2.2, and its sort order of section 3.2.3.
  EXPECT_EQ(
      CanonicalJson(nlohmann::json::parse(
          R"j({"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                    "literals": [null, true, false]})j")),
      "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
      "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  EXPECT_EQ(
      CanonicalJson(nlohmann::json::parse(
          R"j({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})j")),
      "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001F600\":5,\"\ufb33\":3}");
}

TEST(CanonicalJson, PrintsNumbersAsEcmaScript) {
  EXPECT_EQ(CanonicalNumber(-0.0), "0");
  EXPECT_EQ(CanonicalNumber(5e-324), "5e-324");
  EXPECT_EQ(CanonicalNumber(-1.7976931348623157e308), "-1.7976931348623157e+308");
  EXPECT_EQ(CanonicalNumber(9007199254740991), "9007199254740991");
  EXPECT_EQ(CanonicalNumber(1e21), "1e+21");
  EXPECT_EQ(CanonicalNumber(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(CanonicalNumber(1e-6), "0.000001");
  EXPECT_EQ(CanonicalNumber(1e-7), "1e-7");
  EXPECT_EQ(CanonicalNumber(0.001), "0.001");
  EXPECT_EQ(CanonicalNumber(3e-5), "0.00003");
}

}  // namespace
}  // namespace sparsweep
