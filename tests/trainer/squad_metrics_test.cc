// Answers against the official scripts' rules: golden/squad.json, made by golden/make_squad.py.
#include "trainer/squad_metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "trainer/qa_answers.h"

namespace sparsweep {
namespace {

using nlohmann::json;

const json& Golden() {
  static const json golden =
      json::parse(std::ifstream(SPARSWEEP_SOURCE_DIR "/tests/trainer/golden/squad.json"));
  return golden;
}

AnswerScore ScoreOf(const json& pair) { return {pair[0].get<double>(), pair[1].get<double>()}; }

std::vector<Candidate> Candidates() {
  std::vector<Candidate> candidates;
  for (const json& item : Golden()["answers"]) {
    candidates.push_back({item["found"], item["null_score"], item["gold"]});
  }
  return candidates;
}

TEST(SquadMetrics, NormaliseAsTheOfficialScripts) {
  ASSERT_EQ(Golden()["answers"].size(), 1000u);
  for (const json& item : Golden()["answers"]) {
    EXPECT_EQ(NormalAnswer(item["found"]), item["normal"].get<std::string>()) << item["found"];
  }
}

TEST(SquadMetrics, ScoreAThousandAnswersAsVersion1Does) {
  double exact = 0, f1 = 0;
  for (const json& item : Golden()["answers"]) {
    const AnswerScore score = ScoreAnswer(item["found"], item["v1_gold"]);
    EXPECT_EQ(score, ScoreOf(item["v1"])) << item["found"] << " of " << item["v1_gold"];
    exact += score.exact;
    f1 += score.f1;
  }
  EXPECT_DOUBLE_EQ(exact / 1000, Golden()["totals_v1"][0].get<double>());
  EXPECT_DOUBLE_EQ(f1 / 1000, Golden()["totals_v1"][1].get<double>());
}

TEST(SquadMetrics, ScoreAThousandAnswersAsVersion2Does) {
  for (const json& item : Golden()["answers"]) {
    EXPECT_EQ(ScoreAnswerOrNone(item["found"], item["gold"]), ScoreOf(item["v2"])) << item["found"];
  }
}

TEST(SquadMetrics, OfTwoEmptyAnswersDifferByTheVersion) {
  EXPECT_EQ(ScoreAnswer("", {"the"}), (AnswerScore{1, 0}));
  EXPECT_EQ(ScoreAnswerOrNone("", {}), (AnswerScore{1, 1}));
  EXPECT_EQ(ScoreAnswerOrNone("", {"the", "sea"}), (AnswerScore{0, 0}));
}

TEST(SquadMetrics, WithholdAnswersAboveTheThreshold) {
  const std::vector<Candidate> candidates = Candidates();
  for (const json& golden : Golden()["thresholds"]) {
    const AnswerScore score = ScoreWithThreshold(candidates, golden["at"]);
    EXPECT_DOUBLE_EQ(score.exact, golden["exact_match"].get<double>()) << golden["at"];
    EXPECT_DOUBLE_EQ(score.f1, golden["f1"].get<double>()) << golden["at"];
  }
}

TEST(SquadMetrics, TheBestThresholdAnswersNothingWhereThatIsBest) {
  const std::vector<Candidate> candidates = {
      {"wrong", -2.5, {"right"}}, {"wrong", 1, {}}, {"wrong", 3, {}}};
  const BestThreshold best = FindBestThreshold(candidates, /*by_exact=*/false);
  EXPECT_LT(best.threshold, -2.5);
  EXPECT_DOUBLE_EQ(best.score, 2.0 / 3);
  EXPECT_DOUBLE_EQ(ScoreWithThreshold(candidates, best.threshold).f1, best.score);
}

TEST(SquadMetrics, FindTheBestThresholdAsVersion2Does) {
  for (const bool by_exact : {true, false}) {
    const json& golden = Golden()[by_exact ? "best_exact" : "best_f1"];
    const BestThreshold best = FindBestThreshold(Candidates(), by_exact);
    EXPECT_EQ(best.threshold, golden["threshold"].get<double>());
    EXPECT_DOUBLE_EQ(best.score, golden["score"].get<double>());
  }
}

// The windows of one search, added in the order that `first` starts.
FoundAnswer Search(const json& search, bool backwards) {
  QaSplit split;
  split.questions.push_back(
      {"q", "?", std::make_shared<const std::string>(search["context"]), {}, {}});
  for (const json& window : search["windows"]) {
    split.windows.push_back({0, window["first"], window["bytes"]});
  }
  AnswerFinder finder(split);
  const auto count = static_cast<int64_t>(split.windows.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t w = backwards ? count - 1 - i : i;
    const auto starts = search["windows"][w]["starts"].get<std::vector<float>>();
    const auto ends = search["windows"][w]["ends"].get<std::vector<float>>();
    finder.Add(w, starts.data(), ends.data(), static_cast<int>(starts.size()));
  }
  return finder.Answer(0);
}

TEST(QaAnswers, AreTheBestSpanOverAllWindows) {
  for (const json& search : Golden()["searches"]) {
    for (const bool backwards : {false, true}) {
      const FoundAnswer found = Search(search, backwards);
      EXPECT_EQ(found.text, search["text"].get<std::string>());
      EXPECT_EQ(found.null_score, search["null_score"].get<double>());
    }
  }
}

}  // namespace
}  // namespace sparsweep
