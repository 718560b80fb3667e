// What `sparsweep mask` answers and refuses.
#include "core/mask_request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sparsweep {
namespace {

std::string ErrorOf(const std::string& line) {
  return nlohmann::json::parse(AnswerMaskLine(line)).value("error", "accepted");
}

// JSON is written with single quotes here.
std::string Json(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  return text;
}

TEST(MaskRequest, AnswersInTheDocumentedOrder) {
  const std::string dense = "9af709ddac41a31ea1289c679acb8e8de50e6b4ea6d197e46ec6f04d4e275e70";
  const std::string window = "978b82b57ae55fd85dab88db6a9dbb7c9332230f970afa78c69b03b1861f35fa";
  EXPECT_EQ(
      AnswerMaskLine(Json(
          "{'attention': 'last 1 heads 1: window( 1 )', 'layers': 2, 'heads': 2, 'length': 4}")),
      Json("{'attention':'last 1 heads 1: window( 1 )',"
           "'canonical':'layers 1 heads 1: window(1)','layers':2,'heads':2,'length':4,"
           "'kept':[[16,16],[16,10]],'density':[[1.0,1.0],[1.0,0.625]],"
           "'empty_rows':[[0,0],[0,0]],'sha256':[['" +
           dense + "','" + dense + "'],['" + dense + "','" + window + "']]}"));
}

TEST(MaskRequest, AddsRowsOnlyIfAsked) {
  MaskRequest request{"heads 0: block(2, shift=1); heads 1: self", 1, 2, 3, 0, 0, true};
  auto answer = nlohmann::json::parse(AnswerMaskRequest(request));
  EXPECT_EQ(answer["rows"].dump(), Json("[[['04','04','03'],['01','02','04']]]"));
  request.rows = false;
  answer = nlohmann::json::parse(AnswerMaskRequest(request));
  EXPECT_FALSE(answer.contains("rows"));
  EXPECT_EQ(answer["kept"], nlohmann::json::parse("[[4, 3]]"));
}

TEST(MaskRequest, CountsEmptyRowsAndCutsBlocksOverTheMaximalLength) {
  const auto answer = nlohmann::json::parse(AnswerMaskLine(
      Json("{'attention': 'block(2, shift=1, over=max)', 'layers': 1, 'heads': 1, 'length': 4,"
           "'max_length': 8}")));
  EXPECT_EQ(answer["empty_rows"], nlohmann::json::parse("[[4]]"));
  EXPECT_EQ(answer["density"], nlohmann::json::parse("[[0.0]]"));
}

TEST(MaskRequest, DrawsPerCellAndByTheMaskSeed) {
  MaskRequest request{"random(3)", 2, 2, 20, 0, 0, false};
  const auto first = nlohmann::json::parse(AnswerMaskRequest(request))["sha256"];
  EXPECT_NE(first[0][0], first[0][1]);
  EXPECT_NE(first[0][0], first[1][0]);
  request.mask_seed = 1;
  EXPECT_NE(nlohmann::json::parse(AnswerMaskRequest(request))["sha256"], first);
  request.attention = "random(3, draw=plan)";
  const auto shared = nlohmann::json::parse(AnswerMaskRequest(request))["sha256"];
  EXPECT_EQ(shared[0][0], shared[1][1]);
}

TEST(MaskRequest, DrawsForTheExampleThatIsNamed) {
  const auto answer = [](const std::string& example) {
    return nlohmann::json::parse(AnswerMaskLine(
        Json("{'attention': 'random(3, each=example)', 'layers': 6, 'heads': 12, 'length': 12, "
             "'max_length': 64, 'mask_seed': 42, 'rows': true, 'example': '" +
             example + "'}")));
  };
  // Row 7 keeps 0 3 4 7: docs/attention-language.md.
  EXPECT_EQ(answer("train/17/0")["rows"][5][11][7], "9900");
  EXPECT_EQ(answer("train/17"), answer("train/17/0"));
  EXPECT_NE(answer("train/18/0")["rows"][5][11], answer("train/17/0")["rows"][5][11]);
  for (const char* example : {"train", "train/", "valid/0/0", "train/1/2/3", "train/-1/0", "train/01/0",
                              "train/1/0/", "train/1/x", "/1/0"}) {
    EXPECT_EQ(answer(example)["error"], "example is SPLIT/NUMBER, such as train/17, or train/17/2 for the third "
                                        "window of a long text, not \"" +
                                            std::string(example) + "\"");
  }
  EXPECT_NE(answer("")["error"].get<std::string>().find("every text has a draw of its own"),
            std::string::npos);
}

TEST(MaskRequest, ShowsEitherPhaseOfExactHf) {
  const auto kept = [](const std::string& more) {
    return nlohmann::json::parse(AnswerMaskLine(
        Json("{'attention': 'bigbird_block(8, 1, hf)', 'layers': 1, 'heads': 1, 'length': 64" +
             more + "}")))["kept"][0][0]
        .get<int>();
  };
  // Two full rows of blocks, two of 4 blocks and four of 5, and in training one more in these six.
  EXPECT_EQ(kept(", 'phase': 'evaluation'"), 64 * (2 * 8 + 2 * 4 + 4 * 5));
  EXPECT_EQ(kept(", 'phase': 'training'"), kept(""));
  EXPECT_GT(kept(""), kept(", 'phase': 'evaluation'"));
}

TEST(MaskRequest, SaysWhyALengthAloneIsNotEnough) {
  const auto error = [](const std::string& attention) {
    return ErrorOf(
        Json("{'attention': '" + attention + "', 'layers': 1, 'heads': 1, 'length': 8}"));
  };
  EXPECT_NE(error("syntax").find("what the words of a text say"), std::string::npos);
  EXPECT_NE(error("lexical(2)").find("what the words of a text say"), std::string::npos);
  EXPECT_NE(error("learned_window").find("no mask before it is trained"), std::string::npos);
}

TEST(MaskRequest, RefusedOnALineIsOneSentence) {
  EXPECT_EQ(AnswerMaskLine(Json("{'attention': 'windo(1)', 'layers': 1, 'heads': 1, 'length': 4}")),
            "{\"attention\":\"windo(1)\","
            "\"error\":\"unknown pattern \\\"windo\\\"; did you mean \\\"window\\\"?\"}");
}

TEST(MaskRequest, RefusedForPeopleShowsThePlace) {
  const auto answer = TryMaskRequest({"windo(1)", 1, 1, 4, 0, 0, false});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().message(),
            "unknown pattern \"windo\"; did you mean \"window\"?\n  windo(1)\n  ^");
}

TEST(MaskRequest, RefusesWhatIsNoRequest) {
  const auto error_with = [](const std::string& more) {
    return ErrorOf(Json("{'attention': 'self', 'heads': 1" + more + "}"));
  };
  const auto says = [&](const std::string& more, const std::string& part) {
    EXPECT_NE(error_with(more).find(part), std::string::npos) << error_with(more);
  };
  EXPECT_EQ(error_with(", 'layers': 1, 'length': 4"), "accepted");
  says(", 'layers': 1", "\"length\"");
  says(", 'layers': 1, 'length': 4, 'lenght': 4", "lenght");
  says(", 'layers': 1, 'length': 4, 'rows': 1", "rows must be true or false");
  says(", 'layers': 1, 'length': 4, 'mask_seed': -1", "mask_seed");
  says(", 'layers': 1, 'length': 4, 'mask_seed': 9007199254740992", "mask_seed");
  says(", 'layers': 1, 'length': 4, 'max_length': 3", "length 4 is greater than max_length 3");
  says(", 'layers': 1, 'length': 4, 'length': 5", "length");
  says(", 'layers': 1.5, 'length': 4", "layers");
  says(", 'layers': 1, 'length': 99999999", "length");
  for (const char* line : {"", "[]", "nonsense", "{", "null", "{'attention': 3}"}) {
    const auto answer = nlohmann::json::parse(AnswerMaskLine(Json(line)));
    EXPECT_TRUE(answer["attention"].is_null()) << line;
    EXPECT_FALSE(answer["error"].get<std::string>().empty()) << line;
  }
}

TEST(MaskRequest, RefusesRowsBeyondReason) {
  const auto answer = TryMaskRequest({"self", 100, 100, 4096, 0, 0, true});
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.status().message().find("256 MiB"), std::string::npos);
  EXPECT_FALSE(TryMaskRequest({"self", -1, 1, 4, 0, 0, true}).ok());
  EXPECT_FALSE(TryMaskRequest({"self", 1, 1, 0, 0, 0, true}).ok());
  EXPECT_FALSE(TryMaskRequest({"self", 1, 1, 4, -1, 0, true}).ok());
}

TEST(MaskRequest, OfTextThatIsNoUtf8IsStillAnsweredInJson) {
  const auto answer = nlohmann::json::parse(AnswerMaskRequest({"\xff(", 1, 1, 4, 0, 0, false}));
  EXPECT_EQ(answer["error"], "expected a pattern, not \"?\"");
}

}  // namespace
}  // namespace sparsweep
