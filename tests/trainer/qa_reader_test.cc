// Questions out of SQuAD's and MRQA's files, and what is wrong with them.
#include "trainer/qa_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "trainer/qa_windows.h"

namespace sparsweep {
namespace {

using testing::HasSubstr;

std::string Paragraph(const std::string& context, const std::string& qas) {
  return R"j({"data": [{"title": "t", "paragraphs": [{"context": ")j" + context +
         R"j(", "qas": [)j" + qas + "]}]}]}";
}

class QaReader : public testing::Test {
 protected:
  Result<Questions> Read(const std::string& train, const std::string& dev,
                         const std::string& format = "squad", bool half = false) {
    std::ofstream(folder_.path() / "train") << train;
    std::ofstream(folder_.path() / "dev") << dev;
    task_.name = "mine";
    task_.type = "qa";
    task_.format = format;
    task_.files = {{"train", {"train"}}, {"dev", {"dev"}}};
    task_.base_dir = folder_.path().string();
    task_.split_half = half;
    return ReadQuestions(task_, folder_.path());
  }
  std::string Refusal(const std::string& train) {
    const auto read = Read(train, kGood);
    if (read.ok()) return "";
    EXPECT_EQ(read.status().code(), StatusCode::kInvalidArgument);
    return read.status().message();
  }

  const std::string kGood = Paragraph("Émile saw the 東京 tower.",
                                      R"j({"id": "q1", "question": "Who?",
         "answers": [{"text": "Émile", "answer_start": 0}, {"text": "東京", "answer_start": 14}]})j");
  TempFolder folder_;
  TaskSpec task_;
};

TEST_F(QaReader, CountsCharactersAndKeepsBytes) {
  const auto read = Read(kGood, kGood);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->train.size(), 1u);
  const Question& question = read->train[0];
  EXPECT_EQ(question.answers, (std::vector<std::string>{"Émile", "東京"}));
  EXPECT_EQ(question.span, (std::pair<uint32_t, uint32_t>(0, 6)));
  EXPECT_FALSE(read->may_have_none);
}

TEST_F(QaReader, KnowsVersion2ByItsImpossibleQuestions) {
  const std::string none = Paragraph("Some words.", R"j({"id": "n", "question": "Who?",
      "answers": [], "is_impossible": true, "plausible_answers": [{"text": "x", "answer_start": 0}]})j");
  const auto read = Read(none, kGood);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(read->may_have_none);
  EXPECT_TRUE(read->train[0].answers.empty());
  EXPECT_FALSE(read->train[0].span.has_value());
}

TEST_F(QaReader, RefusesAnAnswerThatIsNotInItsContext) {
  EXPECT_THAT(
      Refusal(Paragraph("Some words.", R"j({"id": "q7", "question": "Who?",
      "answers": [{"text": "word", "answer_start": 4}]})j")),
      HasSubstr("question \"q7\": the answer \"word\" is not in its context at character 4"));
  EXPECT_THAT(Refusal(Paragraph("Some words.", R"j({"id": "q7", "question": "Who?",
      "answers": [{"text": "words.", "answer_start": 700}]})j")),
              HasSubstr("is not in its context at character 700"));
}

TEST_F(QaReader, RefusesEmptyContextsQuestionsAndAnswers) {
  const std::string answer = R"j("answers": [{"text": "a", "answer_start": 0}]})j";
  EXPECT_THAT(Refusal(Paragraph(" \\n ", R"j({"id": "e", "question": "Who?", )j" + answer)),
              HasSubstr("question \"e\": its context is empty"));
  EXPECT_THAT(Refusal(Paragraph("a b", R"j({"id": "e", "question": " ", )j" + answer)),
              HasSubstr("question \"e\": the question is empty"));
  EXPECT_THAT(Refusal(Paragraph("a b", R"j({"question": "Who?", )j" + answer)),
              HasSubstr("a question has no id"));
  EXPECT_THAT(
      Refusal(Paragraph("a b", R"j({"id": "e", "question": "Who?", "answers": []})j")),
      HasSubstr("question \"e\" has no answer, and no question says that it is impossible"));
  EXPECT_THAT(Refusal(Paragraph("a b", R"j({"id": "e", "question": "W", )j" + answer + "," +
                                           R"j({"id": "e", "question": "W", )j" + answer)),
              HasSubstr("question \"e\": its id is there twice"));
  EXPECT_THAT(Refusal("[1, 2]"), HasSubstr("is not SQuAD's JSON"));
  EXPECT_THAT(Refusal("{\"data\": [}"), HasSubstr("is not SQuAD's JSON"));
  EXPECT_THAT(Refusal("\x1f\x8b rest"), HasSubstr("packed by gzip; unpack it"));
}

std::string MrqaLine(int number) {
  const std::string id = std::to_string(number);
  return R"j({"id": "", "context": "Ünï the cat", "qas": [{"qid": "m)j" + id +
         R"j(", "question": "Who?", "answers": ["cat", "the cat"], "detected_answers": [)j" +
         R"j({"text": "cat", "char_spans": [[8, 10]], "token_spans": [[2, 2]]}]}]})j" + "\n";
}

TEST_F(QaReader, ReadsMrqaAndSplitsDevEvenly) {
  std::string dev = "{\"header\": {\"dataset\": \"X\", \"split\": \"dev\"}}\n";
  for (int i = 0; i < 5; ++i) dev += MrqaLine(i);
  const auto read = Read(MrqaLine(9), dev, "mrqa", /*half=*/true);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->train[0].span, (std::pair<uint32_t, uint32_t>(10, 13)));
  EXPECT_EQ(read->train[0].answers, (std::vector<std::string>{"cat", "the cat"}));
  std::vector<std::string> dev_ids, test_ids;
  for (const Question& question : read->dev) dev_ids.push_back(question.id);
  for (const Question& question : read->test) test_ids.push_back(question.id);
  EXPECT_EQ(dev_ids, (std::vector<std::string>{"m0", "m2", "m4"}));
  EXPECT_EQ(test_ids, (std::vector<std::string>{"m1", "m3"}));
}

TEST_F(QaReader, RefusesMrqaSpansOutsideTheContext) {
  std::string line = MrqaLine(1);
  line.replace(line.find("[8, 10]"), 7, "[8, 11]");
  const auto read = Read(line, MrqaLine(2), "mrqa");
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(
      read.status().message(),
      HasSubstr("question \"m1\": the answer \"cat\" is not in its context: characters 8 to 11"));
}

TEST_F(QaReader, ReadsTheRealFiles) {
  const auto squad2 = TestData("squad2_cs224n") / "dev-v2.0.json";
  SPARSWEEP_NEEDS_DATA(squad2);
  bool may_have_none = false;
  const auto read = ReadSquad(squad2.string(), &may_have_none);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(may_have_none);
  EXPECT_GT(read->size(), 1000u);
  const auto xquad = ReadSquad((TestData("xquad_en") / "xquad.en.json").string(), &may_have_none);
  ASSERT_TRUE(xquad.ok()) << xquad.status().message();
  EXPECT_EQ(xquad->size(), 1190u);
}

class QaWindowsOfAnswers : public QaReader {};

TEST_F(QaWindowsOfAnswers, CountThoseThatEveryWindowCuts) {
  SPARSWEEP_NEEDS(TestModel("bert-tiny"));
  const Tokenizer tokenizer = Tokenizer::Load(TestModel("bert-tiny").string()).value();
  const std::string context = "one two three four five six seven eight nine ten eleven twelve";
  const std::string text = "two three four five six seven eight nine ten eleven";
  const std::string file = Paragraph(context, R"j({"id": "long", "question": "Which?",
      "answers": [{"text": ")j" + text + R"j(", "answer_start": 4}]})j");
  auto read = Read(file, kGood);
  ASSERT_TRUE(read.ok());
  const auto data = TokenizeQuestions(tokenizer, *read, 12, 2, 2);
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(CountCutAnswers((*data)->train).cut, 1);
  EXPECT_GT((*data)->train.size(), 1);
  for (const auto& span : (*data)->train.spans)
    EXPECT_EQ(span, (std::pair<int32_t, int32_t>(0, 0)));

  const auto narrow = TokenizeQuestions(tokenizer, *read, 8, 4, 2);
  ASSERT_FALSE(narrow.ok());
  EXPECT_THAT(narrow.status().message(), HasSubstr("question \"long\": its 2 tokens leave 3 of "));
}

}  // namespace
}  // namespace sparsweep
