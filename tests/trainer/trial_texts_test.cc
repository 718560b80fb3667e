// The texts of a task as masks: treebanks and GloVe files beside the data, real tokens, and the
// masks of one text from the trainer's command.
#include "trainer/trial_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/catalog.h"
#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "trainer/mask_command.h"
#include "trainer/plan_phase.h"

namespace sparsweep {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

bool Never() { return false; }

// "form head" per word, a line each, an empty line after.
std::string Tree(const std::vector<std::pair<std::string, int>>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    text += std::to_string(i + 1) + "\t" + words[i].first + "\t_\t_\t_\t_\t" +
            std::to_string(words[i].second) + "\t_\t_\t_\n";
  }
  return text + "\n";
}

std::vector<std::string> Bits(const Mask& mask) {
  std::vector<std::string> rows;
  for (int i = 0; i < mask.length(); ++i) {
    std::string row;
    for (int j = 0; j < mask.length(); ++j) row += mask.at(i, j) ? '1' : '0';
    rows.push_back(row);
  }
  return rows;
}

class TrialTextsTest : public testing::Test {
 protected:
  void SetUp() override {
    SPARSWEEP_NEEDS(TestModel("bert-tiny"));
    task_.format = "tsv";
    task_.columns = {{"text", "t"}, {"label", "y"}};
    task_.labels = {"0", "1"};
    task_.parses = "conllu";
    task_.base_dir = folder_.path().string();
    task_.files = {{"train", {"train.tsv"}}, {"dev", {"dev.tsv"}}};
    folder_.Write("train.tsv", "t\ty\ncats sleep\t1\nwe  don't naïvely\t0\n");
    folder_.Write("train.tsv.conllu", Tree({{"cats", 2}, {"sleep", 0}}) +
                                          Tree({{"we", 2}, {"do", 0}, {"n't", 2}, {"naïvely", 2}}));
    folder_.Write("dev.tsv", "t\ty\ndogs. bark!\t1\n");
    folder_.Write("dev.tsv.conllu", Tree({{"dogs", 0}, {".", 1}}) + Tree({{"bark", 0}, {"!", 1}}));
  }

  Result<std::shared_ptr<TrialTexts>> Read(int max_length = 32) {
    const std::string folder = TestModel("bert-tiny").string();
    Tokenizer tokenizer = std::move(Tokenizer::Load(folder)).value();
    EXPECT_TRUE(tokenizer.Truncate(max_length).ok());
    return TrialTexts::Read(task_, folder_.path(), std::move(tokenizer),
                            LoadCheckpoint(folder).value());
  }
  // The mask of one example; all examples are prepared.
  std::vector<std::string> MaskOf(const std::string& attention, int64_t example,
                                  int max_length = 32) {
    auto texts = Read(max_length);
    EXPECT_TRUE(texts.ok()) << texts.status().message();
    const Plan plan = Plan::Resolve(attention, {2, 2, max_length}).value();
    Parser parser(folder_.path());
    const Status prepared = (*texts)->Prepare(plan, ExamplesOf(**texts, 2, 1), parser, Never);
    if (!prepared.ok()) return {prepared.message()};
    const InputMasks masks = (*texts)->Masks(example);
    MaskContext context;
    context.text = &masks;
    return Bits(BuildMask(plan.at(0, 0), lengths_[example], context));
  }
  std::string Error(const std::string& attention) {
    const std::string text = MaskOf(attention, 0)[0];
    const std::string prefix = folder_.path().string() + "/";
    std::string short_text = text;
    for (size_t at; (at = short_text.find(prefix)) != std::string::npos;) {
      short_text.erase(at, prefix.size());
    }
    return short_text;
  }

  TempFolder folder_;
  TaskSpec task_;
  // [CLS] cats sleep [SEP]; [CLS] we don ' t naive ##ly [SEP]; [CLS] dogs . bark ! [SEP]
  std::vector<int> lengths_ = {4, 8, 6};
};

TEST_F(TrialTextsTest, MasksComeFromTheTreebankBesideEachFile) {
  EXPECT_THAT(MaskOf("syntax(1)", 0), ElementsAre("1010", "0110", "1110", "0001"));
  // "don" begins in "do", "'" and "t" in "n't"; the accent of "naïvely" is two bytes.
  EXPECT_THAT(MaskOf("syntax(1)", 1),
              ElementsAre("10100000",    // [CLS]: "do", the root
                          "01100000",    // we: do
                          "11111110",    // don: [CLS], we, n't, naively
                          "00111000",    // '
                          "00111000",    // t
                          "00100110",    // naive
                          "00100110",    // ##ly
                          "00000001"));  // [SEP]
  EXPECT_THAT(MaskOf("syntax(1)", 2),    // two sentences: two roots
              ElementsAre("110100", "111000", "011000", "100110", "000110", "000001"));
}

TEST_F(TrialTextsTest, TruncationDropsWords) {
  lengths_ = {4, 5, 5};
  // [CLS] we don ' [SEP]: of "n't" only its first piece is left, "naively" is gone.
  EXPECT_THAT(MaskOf("syntax(1)", 1, 5), ElementsAre("10100", "01100", "11110", "00110", "00001"));
}

TEST_F(TrialTextsTest, TwoColumnsAreTwoTrees) {
  task_.columns["text_pair"] = "u";
  folder_.Write("train.tsv", "t\tu\ty\ncats\tsleep well\t1\n");
  folder_.Write("train.tsv.conllu", Tree({{"cats", 0}}) + Tree({{"sleep", 0}, {"well", 1}}));
  folder_.Write("dev.tsv", "t\tu\ty\na\tb\t1\n");
  folder_.Write("dev.tsv.conllu", Tree({{"a", 0}}) + Tree({{"b", 0}}));
  auto texts = Read();
  ASSERT_TRUE(texts.ok()) << texts.status().message();
  const Plan plan = Plan::Resolve("syntax(1)", {2, 2, 32}).value();
  Parser parser(folder_.path());
  ASSERT_TRUE((*texts)->Prepare(plan, {0, 1}, parser, Never).ok());
  const InputMasks masks = (*texts)->Masks(0);
  MaskContext context;
  context.text = &masks;
  // [CLS] cats [SEP] sleep well [SEP]
  EXPECT_THAT(Bits(BuildMask(plan.at(0, 0), 6, context)),
              ElementsAre("110100", "110000", "001000", "100110", "000110", "000001"));
  EXPECT_EQ((*texts)->Counts({0, 1}).sentences, 4);
  EXPECT_EQ((*texts)->Counts({0, 1}).parsed, 4);
}

TEST_F(TrialTextsTest, RowsThatASplitDropsTakeTheirSentences) {
  task_.files.erase("dev");
  task_.split_dev = 0.5;
  std::string rows = "t\ty\n", trees;
  for (const char* word : {"a", "b", "a", "c", "d", "e", "f"}) {
    rows += std::string(word) + " x\t1\n";
    trees += Tree({{word, 0}, {"x", 1}});
  }
  folder_.Write("train.tsv", rows);
  folder_.Write("train.tsv.conllu", trees);
  auto texts = Read();
  ASSERT_TRUE(texts.ok()) << texts.status().message();
  const Plan plan = Plan::Resolve("syntax(1)", {2, 2, 32}).value();
  Parser parser(folder_.path());
  const Status prepared = (*texts)->Prepare(plan, {0, 1, 2, 3, 4, 5}, parser, Never);
  EXPECT_TRUE(prepared.ok()) << prepared.message();
  EXPECT_EQ((*texts)->Counts({0, 1, 2, 3, 4, 5}).sentences, 6);
}

TEST_F(TrialTextsTest, ATreebankThatDoesNotAlignNamesLineAndText) {
  folder_.Write("train.tsv.conllu", Tree({{"cats", 2}, {"sleep", 0}}) + Tree({{"they", 0}}));
  EXPECT_EQ(Error("syntax(1)"),
            "train.tsv.conllu:4: word \"they\" does not align with text 2 (train.tsv:3), where "
            "\"we  don't naïvely\" stands; the file must hold the sentences of all texts, in their "
            "order");
  folder_.Write("train.tsv.conllu", Tree({{"cats", 2}, {"sleep", 0}}));
  EXPECT_THAT(Error("syntax(1)"),
              HasSubstr("train.tsv.conllu: has no sentence for text 2 (train.tsv:3) from"));
}

TEST_F(TrialTextsTest, LexicalByGloveReadsTheFileOfTheTask) {
  folder_.Write("v.txt", "cats 1 0\nsleep 0 1\nwe 1 0\ndo 1 0.1\nn't 0 0\nnaïvely 0 1\n");
  EXPECT_THAT(Error("lexical(1, by=glove)"), HasSubstr("add \"glove\": \"NAME\""));
  task_.glove = "./v.txt";
  // we - do; naively's nearest is do; n't is zeros.
  EXPECT_THAT(MaskOf("lexical(1, by=glove)", 1),
              ElementsAre("10000000", "01100000", "01100110", "00011000", "00011000", "00100110",
                          "00100110", "00000001"));
  folder_.Write("v.txt", "cats 1 0\nsleep 0\n");
  EXPECT_EQ(Error("lexical(1, by=glove)"), "v.txt:2: has 1 number where line 1 has 2");
}

TEST_F(TrialTextsTest, LexicalByModelFindsRepeatedWords) {
  folder_.Write("dev.tsv", "t\ty\ncat dog cat\t1\n");
  folder_.Write("dev.tsv.conllu", Tree({{"cat", 0}, {"dog", 1}, {"cat", 1}}));
  lengths_[2] = 5;
  EXPECT_THAT(MaskOf("lexical(threshold=1)", 2),
              ElementsAre("10000", "01010", "00100", "01010", "00001"));
}

TEST_F(TrialTextsTest, EveryExampleDrawsByItsOwnKey) {
  TokenizedSplit train, dev;
  train.begin = {0, 12, 24};
  train.labels = {0, 0};
  dev.begin = {0, 12};
  dev.labels = {0};
  const Plan plan = Plan::Resolve("random(2, each=example)", {2, 2, 32}).value();
  const auto masks = MasksOfExamples(train, dev, nullptr);
  MaskContext context;
  context.mask_seed = 5;
  for (int64_t example = 0; example < 3; ++example) {
    MaskContext own = context;
    own.example_key = example < 2 ? ExampleKey("train", example, 0) : ExampleKey("dev", 0, 0);
    EXPECT_EQ(masks(plan.at(0, 0), context, example), BuildMask(plan.at(0, 0), 12, own));
  }
  EXPECT_NE(masks(plan.at(0, 0), context, 0), masks(plan.at(0, 0), context, 2));
}

TEST(LexicalDensity, ThatTheWordsMissIsWarnedOf) {
  const auto warnings = [](const std::string& attention) {
    const TrialMasks masks{
        Plan::Resolve(attention, {2, 2, 32}).value(),
        0,
        {},
        [](const Pattern&, const MaskContext&, int64_t) {  // a quarter, whatever is asked
          Mask mask(4);
          for (int i = 0; i < 4; ++i) mask.Keep(i, i);
          return std::make_shared<const KnownMask>(KnownMask::Of(std::move(mask)));
        },
        nullptr};
    return LexicalDensityWarnings(masks, {4, 4, 4});
  };
  EXPECT_THAT(warnings("global(1) + lexical(density=0.5); layer 1: lexical(density=0.5)"),
              ElementsAre("\"lexical(density=0.5)\" has density 0.25 over these texts; no degree "
                          "comes closer"));
  EXPECT_THAT(warnings("lexical(density=0.26)"), ElementsAre());
  EXPECT_THAT(warnings("lexical(2)"), ElementsAre());
}

TEST_F(TrialTextsTest, AParserOfAnotherVersionIsRefused) {
  task_.parses = "link-grammar-1.0-en-1.0";
  const std::string error = Error("syntax(1)");
  EXPECT_THAT(error, testing::AnyOf(HasSubstr("the trial's parses are those of "),
                                    HasSubstr("is not on this machine")));
}

TEST_F(TrialTextsTest, LinkGrammarParsesOnceAndKeepsItOnDisk) {
  task_.parses.clear();
  SPARSWEEP_NEEDS_PARSER();
  EXPECT_EQ(MaskOf("syntax(1)", 0).size(), 4u);
  const auto file = folder_.path() / "cache/parses" / (std::string(kDefaultParser) + ".v1.jsonl");
  std::ifstream in(file);
  int lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  EXPECT_EQ(lines, 3) << "no sentence ends before a lower-case letter";
  // What the cache says is what is used: the first sentence gets another parse.
  ParsedText other;
  other.words = {{0, 4}, {5, 10}};
  other.roots = {0};
  other.sentences = other.parsed = 1;
  folder_.Write("cache/parses/" + file.filename().string(),
                ParseToLine("cats sleep", other) + "\n");
  EXPECT_THAT(MaskOf("syntax(1)", 0), ElementsAre("1100", "1100", "0010", "0001"));
}

TEST_F(TrialTextsTest, ACancelledParseLeavesNoLock) {
  task_.parses.clear();
  SPARSWEEP_NEEDS_PARSER();
  auto texts = Read();
  const Plan plan = Plan::Resolve("syntax(1)", {2, 2, 32}).value();
  Parser parser(folder_.path());
  int asked = 0;
  EXPECT_EQ((*texts)->Prepare(plan, {0, 1, 2}, parser, [&] { return ++asked > 1; }).code(),
            StatusCode::kCancelled);
  Parser another(folder_.path());
  EXPECT_TRUE((*texts)->Prepare(plan, {0, 1, 2}, another, Never).ok());
}

TEST_F(TrialTextsTest, TheMaskCommandShowsTokensAndWords) {
  folder_.Write("glove.txt", "cats 1 0\nsleep 1 1\n");
  const json request = {{"model", TestModel("bert-tiny").string()},
                        {"text", "cats sleep naïvely"},
                        {"text_pair", "cats"},
                        {"attention", "lexical(threshold=0.7, by=glove)"},
                        {"glove", folder_.path() / "glove.txt"},
                        {"rows", true}};
  auto answer = AnswerTextMask(request.dump(), folder_.path());
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  const json got = json::parse(*answer);
  EXPECT_EQ(got["tokens"],
            json({"[CLS]", "cats", "sleep", "naive", "##ly", "[SEP]", "cats", "[SEP]"}));
  EXPECT_EQ(got["words"], json({"cats", "sleep", "naïvely", "cats"}));
  EXPECT_EQ(got["words_of_tokens"], json({-1, 0, 1, 2, 2, -1, 3, -1}));
  EXPECT_EQ(got["length"], 8);
  EXPECT_EQ(got["layers"], 2);
  // cats - sleep (0.7071), cats - cats of the pair, sleep - cats of the pair.
  EXPECT_EQ(got["rows"][0][0], json({"01", "46", "46", "18", "18", "20", "46", "80"}));
  EXPECT_EQ(got["canonical"], "lexical(threshold=0.7, by=glove)");
  EXPECT_FALSE(got.contains("heads_of_words"));
}

TEST_F(TrialTextsTest, TheMaskCommandShowsTheParse) {
  SPARSWEEP_NEEDS_PARSER();
  const json request = {{"model", TestModel("bert-tiny").string()},
                        {"text", "The cat sat."},
                        {"attention", "syntax(1)"}};
  const json got = json::parse(AnswerTextMask(request.dump(), folder_.path()).value());
  EXPECT_EQ(got["words"], json({"The", "cat", "sat", "."}));
  EXPECT_EQ(got["heads_of_words"], json::parse("[[1], [-1, 0, 2], [-1, 1], [-1]]"));
}

TEST_F(TrialTextsTest, TheMaskCommandRefusesInOneSentence) {
  const auto error = [&](const json& request) {
    return AnswerTextMask(request.dump(), folder_.path()).status().message();
  };
  const std::string model = TestModel("bert-tiny").string();
  EXPECT_THAT(error({{"model", model}, {"attention", "self"}}),
              HasSubstr("the field \"text\" is missing"));
  EXPECT_EQ(error({{"model", model}, {"text", " "}, {"attention", "self"}}), "the text is empty");
  EXPECT_THAT(error({{"model", model}, {"text", "a"}, {"attention", "self"}, {"seed", 1}}),
              HasSubstr("seed"));
  EXPECT_THAT(error({{"model", "nowhere"}, {"text", "a"}, {"attention", "self"}}),
              HasSubstr("nowhere"));
  EXPECT_THAT(error({{"model", model}, {"text", "a"}, {"attention", "learned_window"}}),
              HasSubstr("no mask before it is trained"));
}

}  // namespace
}  // namespace sparsweep
