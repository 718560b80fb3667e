// Masks of typed texts, with a function in the place of the trainer program.
#include "server/services/text_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mask_request.h"
#include "core/plan.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Words are tokens; `syntax` keeps what window(1) would. As `sparsweep-trainer mask` answers.
std::string AnswerOf(const TextMaskQuestion& question) {
  std::vector<std::string> tokens = {"[CLS]"};
  std::istringstream words(question.text + " " + question.text_pair);
  for (std::string word; words >> word;) tokens.push_back(word);
  tokens.push_back("[SEP]");
  const size_t uncut = tokens.size();
  if (tokens.size() > static_cast<size_t>(question.max_length)) tokens.resize(question.max_length);
  MaskRequest request;
  request.attention = question.attention;
  for (size_t at; (at = request.attention.find("syntax")) != std::string::npos;) {
    request.attention.replace(at, 6, "window(1)");
  }
  request.layers = request.heads = 2;
  request.length = static_cast<int>(tokens.size());
  request.max_length = question.max_length;
  request.rows = true;
  auto json = nlohmann::json::parse(*TryMaskRequest(request));
  json["tokens"] = tokens;
  json["uncut_tokens"] = uncut;
  return json.dump();
}

class TextPicturesTest : public ::testing::Test {
 protected:
  void Start(TextMasker masker, const std::string& sweep) {
    server_ = std::make_unique<TestServer>(folder_ / "a.db", LoopOptions(), std::move(masker));
    Expanded(*server_->api, Create(*server_->api, sweep)->name());
    request_.set_name("trials/1");
  }
  Result<v1::TrialMask> Ask(const std::string& text) {
    request_.set_text(text);
    return Call(*server_->api, &Api::GetTrialMask, request_);
  }

  TempFolder folder_;
  v1::GetTrialMaskRequest request_;
  std::unique_ptr<TestServer> server_;
};

constexpr char kMixed[] =
    R"j("attention": "layer 0: window(2); layer 1 head 1: syntax(1)", "baseline": "none",
        "seeds": 1)j";

TEST_F(TextPicturesTest, MasksOfTheWordsComeFromTheTrainerAndTheOthersFromThePlan) {
  std::vector<TextMaskQuestion> asked;
  Start([&](const TextMaskQuestion& question, const std::stop_token&) {
    asked.push_back(question);
    return AnswerOf(question);
  }, kMixed);
  const auto picture = Ask("a \"b\" $(c) d");
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_THAT(picture->tokens(), ElementsAre("[CLS]", "a", "\"b\"", "$(c)", "d", "[SEP]"));
  EXPECT_EQ(picture->length(), 6);
  EXPECT_THAT(picture->mask_index(), ElementsAre(0, 0, 1, 2));
  const Plan plan = *Plan::Resolve("layer 0: window(2); layer 1 head 1: window(1)", {2, 2, 128});
  EXPECT_EQ(picture->masks(0).hash(), Hex(BuildMask(plan.at(0, 0), 6, {0, 0, 0, 128}).Sha256()));
  EXPECT_EQ(picture->masks(2).hash(), Hex(BuildMask(plan.at(1, 1), 6, {0, 1, 1, 128}).Sha256()));
  EXPECT_EQ(picture->masks(2).rows_size(), 6);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].text, "a \"b\" $(c) d");
  EXPECT_EQ(asked[0].model, "tiny");
  EXPECT_EQ(asked[0].max_length, 128);
  const Plan question = *Plan::Resolve(asked[0].attention, {2, 2, 128});
  EXPECT_FALSE(NeedsText(question.at(0, 1)));
  EXPECT_TRUE(NeedsText(question.at(1, 1)));
}

TEST_F(TextPicturesTest, ATextShowsItsTokensUnderAnyPlanAndIsCutAsInTraining) {
  Start([](const TextMaskQuestion& question, const std::stop_token&) {
    EXPECT_EQ(question.attention, "self");  // nothing of the plan needs the text
    return AnswerOf(question);
  }, R"j("attention": "window(1)", "baseline": "none", "seeds": 1,
         "training": {"max_length": 8})j");
  request_.set_text_pair("d");
  const auto picture = Ask("a b c");
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_THAT(picture->tokens(), ElementsAre("[CLS]", "a", "b", "c", "d", "[SEP]"));
  EXPECT_EQ(picture->masks(0).kept(), 6 + 5 + 5);
  EXPECT_EQ(picture->notes_size(), 0);
  const auto cut = Ask("a b c d e f g h i");
  EXPECT_EQ(cut->length(), 8);
  ASSERT_EQ(cut->notes_size(), 1);
  EXPECT_EQ(cut->notes(0),
            "The text has 12 tokens and is cut to 8, the trial's max_length, as in training.");
}

TEST_F(TextPicturesTest, WhatIsWrongIsSaidInASentence) {
  int asked = 0;
  Result<std::string> answer = Status(StatusCode::kInvalidArgument, "there is no model \"tiny\"");
  Start([&](const TextMaskQuestion&, const std::stop_token&) {
    ++asked;
    return answer;
  }, kMixed);
  EXPECT_EQ(Ask("a").status().message(), "there is no model \"tiny\"");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(Ask(std::string(10'001, 'x')).status().fields().at(0).field, "text");
  request_.set_length(5);
  EXPECT_EQ(Ask("a").status().fields().at(0).field, "length");
  request_.set_length(0);
  request_.set_text_pair("b");
  EXPECT_EQ(Ask("").status().fields().at(0).field, "text");
  request_.set_text_pair("");
  EXPECT_EQ(asked, 1) << "nothing is started for what is refused";
  for (const char* wrong : {"", "[]", "{}", R"({"tokens": [1]})",
                            R"({"tokens": ["a"], "uncut_tokens": 1, "layers": 1, "heads": 1,
                                "kept": [[1]], "density": [[1]], "empty_rows": [[0]],
                                "sha256": [["x"]], "rows": [[[]]]})"}) {
    answer = std::string(wrong);
    EXPECT_EQ(Ask("a").status().code(), StatusCode::kInternal) << wrong;
  }
  answer = std::string(R"({"tokens": ["a"], "uncut_tokens": 1, "layers": 1, "heads": 1,
               "kept": [[1]], "density": [[1]], "empty_rows": [[0]], "sha256": [["x"]], "rows": [[["01"]]]})");
  EXPECT_THAT(Ask("a").status().message(), HasSubstr("other layers and heads"));
}

TEST_F(TextPicturesTest, WithoutATrainerProgramItSaysSo) {
  Start({}, kMixed);
  EXPECT_THAT(Ask("a").status().message(), HasSubstr("no sparsweep-trainer beside it"));
}

TEST_F(TextPicturesTest, OneIsAskedAtATimeTooManyAreRefusedAndStoppingEndsThemAll) {
  std::promise<void> started;
  TextPictures pictures([&](const TextMaskQuestion&, const std::stop_token& stop) {
    started.set_value();  // a second call would throw
    std::promise<void> stopped;
    const std::stop_callback on_stop(stop, [&] { stopped.set_value(); });
    stopped.get_future().wait();
    return Result<std::string>(Status(StatusCode::kUnavailable, "it was stopped"));
  });
  std::vector<std::string> replies(TextPictures::kMostWaiting + 2);
  const auto ask = [&](size_t i) {
    pictures.Ask({}, [&, i](Result<TextMaskAnswer> r) { replies[i] = r.status().message(); });
  };
  ask(0);
  started.get_future().wait();
  for (size_t i = 1; i < replies.size(); ++i) ask(i);
  EXPECT_THAT(replies.back(), HasSubstr("ask again in a moment"));
  EXPECT_EQ(replies[0], "");
  pictures.Stop();
  EXPECT_EQ(replies[0], "it was stopped");
  for (size_t i = 1; i + 1 < replies.size(); ++i) EXPECT_THAT(replies[i], HasSubstr("stopping"));
  replies.assign(1, "");
  ask(0);
  EXPECT_THAT(replies[0], HasSubstr("stopping"));
}

}  // namespace
}  // namespace sparsweep
